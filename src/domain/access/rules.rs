//! The rule of each method: the one table of what may be called by whom.

use super::roles::Permission;

/// Which categories the requests of a method concern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// None: the answer tells of no stream.
    Nothing,
    /// Those that the request names, by streams, a filter, an event or a group.
    Named,
    /// All of them: the answer is worked out from the whole record.
    Whole,
}

/// What a method needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The method, `package.Service/Method`.
    pub method: &'static str,
    /// The permission that its caller needs.
    pub permission: Permission,
    /// For which categories.
    pub scope: Scope,
}

/// A rule for each method of a service.
macro_rules! rules {
    ($($service:literal: { $($method:literal: $permission:ident, $scope:ident;)* })*) => {
        /// The rules of all methods that the server has.
        pub const RULES: &[Rule] = &[$($(
            Rule {
                method: concat!($service, "/", $method),
                permission: Permission::$permission,
                scope: Scope::$scope,
            },
        )*)*];
    };
}

rules! {
    "grpc.health.v1.Health": {
        "Check": Nothing, Nothing;
        "Watch": Nothing, Nothing;
    }
    "grpc.reflection.v1.ServerReflection": {
        "ServerReflectionInfo": Read, Nothing;
    }
    "grpc.reflection.v1alpha.ServerReflection": {
        "ServerReflectionInfo": Read, Nothing;
    }
    "handover.v1.EventStoreService": {
        "Append": Append, Named;
        "AppendStream": Append, Named;
        "Read": Read, Named;
        "Subscribe": Read, Named;
        "GetHead": Read, Nothing;
    }
    "handover.v1.ProjectionService": {
        "ListProjections": Read, Whole;
        "RebuildProjection": Operate, Whole;
    }
    "handover.v1.ConsumerGroupService": {
        "CreateGroup": Operate, Named;
        "Consume": Consume, Named;
        "ListGroups": Read, Whole;
        "ListParked": Read, Whole;
        "ReplayParked": Operate, Whole;
        "DeleteGroup": Operate, Whole;
    }
    "handover.v1.SourceService": {
        "RegisterSource": Record, Named;
        "GetSource": Read, Whole;
        "ListSources": Read, Whole;
    }
    "handover.v1.StatementService": {
        "RecordStatement": Record, Named;
        "ListStatements": Read, Whole;
    }
    "handover.v1.ExchangeService": {
        "ReportExchange": Record, Named;
        "AttributeRole": Record, Named;
        "ClaimSuperlative": Record, Named;
        "ReportDetention": Record, Named;
        "GetExchange": Read, Whole;
        "WatchExchange": Read, Whole;
        "ListExchanges": Read, Whole;
        "ReconcileExchange": Read, Whole;
    }
    "handover.v1.TransferService": {
        "RecordTransfer": Record, Named;
        "RecordTotal": Record, Named;
        "ListTransfers": Read, Whole;
    }
    "handover.v1.ClaimService": {
        "CorrectClaim": Curate, Named;
        "RetractClaim": Curate, Named;
        "DisputeClaim": Curate, Named;
        "ConfirmClaim": Curate, Named;
        "PreferClaim": Curate, Named;
        "GetClaim": Read, Whole;
    }
    "handover.v1.StatusService": {
        "GetStatus": Operate, Whole;
    }
    "handover.v1.BackupService": {
        "DescribeBackup": Operate, Whole;
        "FetchPiece": Operate, Whole;
    }
    "handover.v1.VerificationService": {
        "Verify": Operate, Whole;
    }
    "handover.v1.CountService": {
        "GetCountryCounts": Read, Whole;
        "WatchCountryCounts": Read, Whole;
        "CountTransfers": Read, Whole;
        "ExplainCount": Read, Whole;
        "GetCountHistory": Read, Whole;
        "ReconcileSeries": Read, Whole;
    }
}

/// The rule of a method, `package.Service/Method`, with a slash before it or not.
pub fn rule_of(method: &str) -> Option<&'static Rule> {
    let method = method.strip_prefix('/').unwrap_or(method);
    RULES.iter().find(|rule| rule.method == method)
}
