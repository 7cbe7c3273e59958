use super::*;
use crate::imports::HtmlEntities;

const HEADER: &str = "url,username,password,totp,extra,name,grouping,fav\n";

fn with(entities: HtmlEntities, export: &str) -> Imported {
    let options = Options { html_entities: Some(entities), ..Options::default() };
    read(export.as_bytes(), Format::LastPass, &options).unwrap()
}

#[test]
fn groups_have_backslashes_and_some_addresses_are_none() {
    let export = format!(
        "{HEADER}\
        https://mail.example/,ada,\"p\"\"1\",JBSWY3DPEHPK3PXP,\"one\ntwo\",Mail,Work\\Clients\\Acme,1\n\
        http://sn,,,,just text,Safe,Home,0\n\
        http://,,pin only,,,Door,,0\n\
        http://group,,,,,,Work\\Empty,0\n"
    );
    assert_eq!(Format::detect(export.as_bytes(), "lastpass_export.csv"), Some(Format::LastPass));
    let imported = taken(&export, Format::LastPass);
    let mail = ["Mail", "Work/Clients/Acme", "ada", "p\"1", "JBSWY3DPEHPK3PXP", "one\ntwo", "login"];
    assert_eq!(imported.item("Mail").parts(), mail);
    assert_eq!(imported.item("Safe").parts(), ["Safe", "Home", "", "", "", "just text", "note"]);
    assert!(imported.item("Safe").urls.is_empty() && imported.item("Door").urls.is_empty());
    assert_eq!(imported.item("Door").password.expose(), "pin only");
    assert_eq!(imported.report(), ["Work\\Empty, the item: it is an empty folder"]);
    // Before it had one-time passwords.
    let old = "url,username,password,extra,name,grouping,fav\nhttps://a.example,u,p,,a,,0\n";
    assert_eq!(Format::detect(old.as_bytes(), ""), Some(Format::LastPass));
    assert_eq!(taken(old, Format::LastPass).item("a").password.expose(), "p");
}

#[test]
fn entities_are_decoded_or_kept_as_somebody_says_and_never_by_a_guess() {
    let export = format!(
        "{HEADER}https://a.example/?a=1&amp;b=2,u,a&lt;b&#39;&#x22;c,,,One,,0\n\
        https://b.example,u,&amp;amp;lt;&copy;&amp,,,Two &amp; three,,0\n\
        https://c.example,u,a&b;&#65;&#+38;&#x0;,,,Four,,0\n"
    );
    let error = refused(&export, Format::LastPass);
    assert_eq!(error, ImportError::HtmlEntities { items: 2 });
    assert!(error.to_string().starts_with("HTML entities in 2 of its items, such as &amp;"), "{error}");
    let decoded = with(HtmlEntities::Decode, &export);
    assert_eq!(decoded.item("One").password.expose(), "a<b'\"c");
    assert_eq!(decoded.item("One").urls, ["https://a.example/?a=1&b=2"]);
    assert_eq!(decoded.item("Two & three").password.expose(), "&amp;lt;&copy;&amp");
    assert_eq!(decoded.item("Four").password.expose(), "a&b;&#65;&#+38;&#x0;");
    let kept = with(HtmlEntities::Keep, &export);
    assert_eq!(kept.item("One").password.expose(), "a&lt;b&#39;&#x22;c");
    assert_eq!(kept.item("Two &amp; three").password.expose(), "&amp;amp;lt;&copy;&amp");
}

#[test]
fn notes_with_fields_are_read_with_keys_of_many_lines() {
    let key =
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\nMIIE\n-----END RSA PRIVATE KEY-----";
    let export = format!(
        "{HEADER}http://sn,,,,\"NoteType:SSH Key\nLanguage:en-US\nBit Strength:2048\nFormat:PEM\nPassphrase:p:q\n\
        Private Key:{key}\nPublic Key:ssh-rsa AAAA ada@host\nHostname:bastion\nDate:\nNotes:first\nLabel:not one\",Key,,0\n\
        http://sn,,,,\"NoteType:Server\nLanguage:en-US\nHostname:db.example\nUsername:root\nPassword:s:e\nNotes:\",Db,,0\n\
        http://sn,,,,\"NoteType:Credit Card\r\nName on Card:Ada\r\nNumber:4111\r\nSecurity Code:123\r\n\
        Expiration Date:May,2030\r\nNotes:see https://card.example\",Card,,0\n\
        http://sn,,,,\"NoteType:Custom_17\nloose line\nWi-Fi Name:x\nhttps://a.example\nmore\",Own,,0\n"
    );
    let imported = taken(&export, Format::LastPass);
    let item = imported.item("Key");
    assert_eq!(item.parts(), ["Key", "", "", "", "", "first\nLabel:not one", "ssh-key"]);
    assert_eq!(item.field("Private Key"), Some((key, true)));
    assert_eq!(item.field("Passphrase"), Some(("p:q", true)));
    assert_eq!(item.field("Public Key"), Some(("ssh-rsa AAAA ada@host", false)));
    assert_eq!(item.field("Bit Strength"), Some(("2048", false)));
    assert_eq!(item.field("Date"), None, "there is nothing in it");
    assert_eq!(item.field("Language"), None);
    assert_eq!(imported.item("Db").parts(), ["Db", "", "root", "s:e", "", "", "server"]);
    let card = imported.item("Card");
    assert_eq!((card.kind.as_str(), card.note.expose()), ("card", "see https://card.example"));
    assert_eq!(card.field("Number"), Some(("4111", true)));
    assert_eq!(card.field("Security Code"), Some(("123", true)));
    assert_eq!(card.field("Name on Card"), Some(("Ada", false)));
    let own = imported.item("Own");
    assert_eq!(own.field("text"), Some(("loose line", true)));
    assert_eq!(own.field("Wi-Fi Name"), Some(("x\nhttps://a.example\nmore", false)));
    assert_eq!(imported.report(), [""; 0]);
}
