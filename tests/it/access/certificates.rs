//! Identities by client certificate.

use handover::{
    domain::{access::Role, proto::GetHeadRequest},
    grpc::client::{Client, ClientTls, ClientToken},
};
use rcgen::DnType;

use super::{Files, UNKNOWN, refused, secret, token};
use crate::{
    support::{append, event, read_all},
    tls::{
        certificates::{Authority, Folder},
        server::Secure,
    },
};

const POLICY: &str = "\
[[identity]]
name = 'News desk'
certificates = ['CN=desk,O=Example']
grants = [{ role = 'recorder' }]
";

/// The files of a client with a certificate for this name.
fn client(folder: &Folder, authority: &Authority, name: &str) -> ClientTls {
    let pair = authority.issue(&[], |params| {
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Example");
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    });
    let (cert, key) = folder.pair(name, &pair);
    ClientTls { ca: Some(folder.path("ca.pem")), cert: Some(cert), key: Some(key) }
}

#[tokio::test]
async fn a_certificate_that_the_policy_names_is_an_identity_and_a_bad_token_is_not_made_good() {
    let files = Files::new(POLICY, vec![token(1, "press", &[Role::Reader], &[])]);
    let clients = Authority::new("clients");
    let server = Secure::start_with(|folder, _| {
        let ca = folder.write("clients.pem", &clients.pem);
        let ca = ca.to_str().expect("UTF-8").to_owned();
        let mut arguments = files.arguments();
        arguments.extend(["--tls-client-ca".to_owned(), ca]);
        arguments.extend(["--tls-client-auth".to_owned(), "optional".to_owned()]);
        arguments
    });
    let connect = async |tls: &ClientTls| {
        Client::connect_with(&server.url(), tls).await.expect("the server can be reached")
    };
    let head = GetHeadRequest::default;
    let desk = connect(&client(&server.folder, &clients, "desk")).await;
    desk.append(append("x/a", vec![event("one", &[])])).await.expect("it may record");
    assert_eq!(read_all(&desk).await[0].recorded_by, "News desk");

    let other = connect(&client(&server.folder, &clients, "other")).await;
    refused(other.get_head(head()).await);
    let none = connect(&server.trust()).await;
    refused(none.get_head(head()).await);

    // A token goes before the certificate, and one that is not known is refused.
    let with = |number| {
        let token = ClientToken::parse(&secret(number)).expect("a token");
        desk.clone().with_token(token).expect("it is encrypted")
    };
    let press = with(1);
    press.get_head(head()).await.expect("it may read");
    let error = refused(press.append(append("x/a", vec![event("two", &[])])).await);
    assert!(error.message.contains("\"press\""), "{error}");
    refused(with(UNKNOWN).get_head(head()).await);
}
