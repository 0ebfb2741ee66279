//! The caller of a call that was admitted, and what it may see.

use std::{net::SocketAddr, sync::Arc};

use http::Extensions;
use time::OffsetDateTime;
use tokio::sync::watch;

use super::{
    audit::Call,
    credentials::{Credential, Known},
    in_use::Access,
    refusal::{changed, denied, too_fast},
};
use crate::{
    domain::{
        access::{Categories, Denied, Permission, Principal, Rights, Rule, decide},
        filter::Filter,
    },
    grpc::status::RpcError,
};

/// The caller of a call. By default access is not controlled, and it may do everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caller(Option<Arc<Admitted>>);

#[derive(Debug)]
struct Admitted {
    access: Access,
    credential: Credential,
    rule: &'static Rule,
    /// What was in use when it was admitted, and its principal by that.
    rights: Arc<Rights>,
    known: Known,
    /// For which categories the call is permitted.
    categories: Categories,
    peer: Option<SocketAddr>,
}

impl Caller {
    /// The caller with this credential, if it may call the method of `rule`. A refusal is in the
    /// audit log, and so is an administrative call.
    pub(super) fn admit(
        access: &Access,
        credential: Credential,
        rule: &'static Rule,
        peer: Option<SocketAddr>,
    ) -> Result<Self, RpcError> {
        let rights = access.rights();
        let refused = |identity: &str, error: RpcError| {
            access.audit().refused(Call { method: rule.method, identity, peer }, error.message());
            error
        };
        let known = credential
            .known(&rights, access.key_sets(), OffsetDateTime::now_utc())
            .map_err(|error| Self::stranger(access, rule, peer, error))?;
        // A call that may not be made counts as well: it costs as much until it is refused.
        within_rate(access, &rights, known.principal.as_deref(), peer)
            .map_err(|(identity, error)| refused(identity, error))?;
        let principal = known.principal.clone();
        let identity = principal.as_ref().map_or("", |principal| &principal.name);
        tracing::Span::current().record("principal", identity);
        let categories = decide(&rights, principal.as_deref(), rule)
            .map_err(|problem| refused(identity, credential.denied(&problem)))?;
        if rule.permission == Permission::Operate {
            access.audit().administers(Call { method: rule.method, identity, peer });
        }
        let access = access.clone();
        let admitted = Admitted { access, credential, rule, rights, known, categories, peer };
        Ok(Self(Some(Arc::new(admitted))))
    }

    /// The refusal of a call with credentials that cannot be used, which the audit log has as well.
    /// It counts as one without credentials: else no rate would bound them.
    pub(super) fn stranger(
        access: &Access,
        rule: &Rule,
        peer: Option<SocketAddr>,
        error: RpcError,
    ) -> RpcError {
        let counted = within_rate(access, &access.rights(), None, peer);
        let error = counted.err().map_or(error, |(_, too_fast)| too_fast);
        let call = Call { method: rule.method, identity: "", peer };
        access.audit().refused(call, error.message());
        error
    }

    /// The caller of the call with these extensions.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get().cloned().unwrap_or_default()
    }

    /// The name that is recorded with what it records; `None`: access is not controlled.
    pub(crate) fn recorded_by(&self) -> Option<Arc<str>> {
        let principal = self.0.as_ref()?.known.principal.as_ref()?;
        Some(Arc::clone(&principal.name))
    }

    /// Refuses a filter that can match events which the caller may not see.
    pub(crate) fn may_see(&self, filter: &Filter) -> Result<(), RpcError> {
        let Some(admitted) = &self.0 else { return Ok(()) };
        if admitted.categories.hold(filter) {
            return Ok(());
        }
        let concerns = "the filter can match others; each of its items has to name streams or \
                        categories among them";
        Err(admitted.limited(admitted.categories.clone(), concerns))
    }

    /// Whether the caller may see every category, and so whether a thing is there.
    pub(crate) fn sees_all(&self) -> bool {
        self.0.as_ref().is_none_or(|admitted| admitted.categories == Categories::All)
    }

    /// The refusal of what the caller may see only if it may see all.
    pub(crate) fn not_among(&self, concerns: &'static str) -> RpcError {
        match &self.0 {
            Some(admitted) => admitted.limited(admitted.categories.clone(), concerns),
            None => RpcError::internal("access is not controlled"),
        }
    }

    /// What the caller may record; `None`: everything.
    pub(super) fn recording(&self) -> Result<Option<Recording<'_>>, RpcError> {
        let Some(admitted) = &self.0 else { return Ok(None) };
        let (rights, known) = admitted.now()?;
        let principal = known.principal;
        Ok(Some(Recording { admitted, rights, principal }))
    }

    /// Whether the call is still permitted, for as much as when it was admitted.
    pub(super) fn still(&self) -> Result<(), RpcError> {
        let Some(admitted) = &self.0 else { return Ok(()) };
        let (rights, known) = admitted.now()?;
        let decided = decide(&rights, known.principal.as_deref(), admitted.rule);
        let categories = decided.map_err(|problem| admitted.refused(denied(&problem)))?;
        let same = known.principal.as_ref().map(|it| &it.name)
            == admitted.known.principal.as_ref().map(|it| &it.name);
        if same && categories.cover(&admitted.categories) { Ok(()) } else { Err(changed()) }
    }

    /// When its credential ends, and what notices a change of the rights; `None`: neither happens.
    pub(super) fn bounds(&self) -> Option<(Option<OffsetDateTime>, watch::Receiver<Arc<Rights>>)> {
        let admitted = self.0.as_ref()?;
        Some((admitted.known.until, admitted.access.changes()))
    }
}

impl Admitted {
    /// The rights in use, and the principal by them; refused if the credential is none any more.
    fn now(&self) -> Result<(Arc<Rights>, Known), RpcError> {
        let (rights, now) = (self.access.rights(), OffsetDateTime::now_utc());
        let unchanged = Arc::ptr_eq(&rights, &self.rights);
        if unchanged && self.known.until.is_none_or(|until| now < until) {
            return Ok((rights, self.known.clone()));
        }
        let known = self.credential.known(&rights, self.access.key_sets(), now);
        let known = known.map_err(|error| self.refused(error))?;
        Ok((rights, known))
    }

    fn limited(&self, categories: Categories, concerns: &'static str) -> RpcError {
        let identity = self.known.principal.as_ref().map(|it| it.name.to_string());
        self.refused(denied(&Denied::Limited { identity, categories, concerns }))
    }

    /// The refusal, which the audit log has as well.
    fn refused(&self, error: RpcError) -> RpcError {
        let identity = self.known.principal.as_ref().map_or("", |it| &it.name);
        let call = Call { method: self.rule.method, identity, peer: self.peer };
        self.access.audit().refused(call, error.message());
        error
    }
}

/// Counts a call, and refuses it if it is more than the policy permits; with the identity.
fn within_rate<'a>(
    access: &Access,
    rights: &Rights,
    principal: Option<&'a Principal>,
    peer: Option<SocketAddr>,
) -> Result<(), (&'a str, RpcError)> {
    let Some(rate) = rights.rate(principal) else { return Ok(()) };
    let identity = principal.map_or("", |principal| &principal.name);
    let taken = access.rates().take(principal, peer, rate);
    taken.map_err(|after| (identity, too_fast(identity, rate, after)))
}

/// What a caller may record, by the rights in use.
pub(super) struct Recording<'a> {
    admitted: &'a Admitted,
    rights: Arc<Rights>,
    principal: Option<Arc<Principal>>,
}

impl Recording<'_> {
    /// For which categories the caller has a permission; refused if for none.
    pub(super) fn categories(&self, permission: Permission) -> Result<Categories, RpcError> {
        let found = self.rights.categories(self.principal.as_deref(), permission);
        found.ok_or_else(|| {
            let identity = self.principal.as_ref().map(|it| it.name.to_string());
            let problem = match identity {
                Some(identity) => Denied::NoRole { identity, permission },
                None => Denied::NoCredentials,
            };
            self.admitted.refused(denied(&problem))
        })
    }

    /// The refusal of what is not among the categories.
    pub(super) fn limited(&self, categories: Categories, concerns: &'static str) -> RpcError {
        self.admitted.limited(categories, concerns)
    }
}
