use super::*;

#[test]
fn chrome_has_apps_and_notes_of_many_lines() {
    let export = "\u{feff}name,url,username,password,note\r\n\
        mail.example,https://mail.example/login,ada,\"p,a\"\"ss \",\"first\r\nsecond\"\r\n\
        ,android://hash==@com.example.app/,ada@mail.example,s3,\r\n\
        mail.example,https://mail.example/login,bob, spaced ,\r\n";
    assert_eq!(Format::detect(export.as_bytes(), "Chrome Passwords.csv"), Some(Format::Chrome));
    let imported = taken(export, Format::Chrome);
    assert_eq!(imported.names(), ["mail.example", "com.example.app", "mail.example (2)"]);
    let [first, app, second] = &imported.items[..] else { panic!() };
    assert_eq!(first.parts(), ["mail.example", "", "ada", "p,a\"ss ", "", "first\r\nsecond", "login"]);
    assert_eq!(first.urls, ["https://mail.example/login"]);
    assert_eq!(app.urls, ["android://hash==@com.example.app/"]);
    assert_eq!(app.password.expose(), "s3");
    assert_eq!(second.password.expose(), " spaced ", "white space may be a part of a password");
    assert_eq!(imported.report(), [""; 0]);
    // The program's older exports have no notes.
    let imported = taken("name,url,username,password\na,https://a.example,u,p\n", Format::Chrome);
    assert_eq!(imported.item("a").note.expose(), "");
}

#[test]
fn firefox_has_no_names_but_ids() {
    let export = "\"url\",\"username\",\"password\",\"httpRealm\",\"formActionOrigin\",\"guid\",\"timeCreated\",\
        \"timeLastUsed\",\"timePasswordChanged\"\r\n\
        \"https://www.shop.example:8443\",\"ada\",\"p1\",,\"https://www.shop.example\",\
        \"{f2a1e0e0-6a0b-4b1e-9a43-6f6d3f0b7a55}\",\"1700000000000\",\"1700000000001\",\"1700000000002\"\r\n\
        \"https://router.example\",\"admin\",\"p2\",\"Router login\",,\"{0}\",\"1\",\"2\",\"3\"\r\n\
        \"chrome://FirefoxAccounts\",\"uid\",\"{keys}\",\"Firefox Accounts credentials\",,\"{1}\",\"1\",\"2\",\"3\"\r\n";
    assert_eq!(Format::detect(export.as_bytes(), "logins.csv"), Some(Format::Firefox));
    let imported = taken(export, Format::Firefox);
    assert_eq!(imported.names(), ["www.shop.example", "router.example"]);
    assert_eq!(imported.items[0].source_id, "{f2a1e0e0-6a0b-4b1e-9a43-6f6d3f0b7a55}");
    assert_eq!(imported.items[1].field("realm"), Some(("Router login", false)));
    assert_eq!(imported.report(), ["Firefox account, the item: it holds the keys of the browser's own account"]);
}

#[test]
fn apple_has_keys_of_one_time_passwords() {
    let export = "Title,URL,Username,Password,Notes,OTPAuth\n\
        \"shop.example (ada)\",https://shop.example/,ada,\"p\",\"a note\",\"otpauth://totp/x?secret=JBSWY3DPEHPK3PXP\"\n";
    assert_eq!(Format::detect(export.as_bytes(), "Passwords.csv"), Some(Format::Apple));
    let imported = taken(export, Format::Apple);
    let item = imported.item("shop.example (ada)");
    let totp = "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP";
    assert_eq!(item.parts(), ["shop.example (ada)", "", "ada", "p", totp, "a note", "login"]);
}

#[test]
fn a_row_with_too_many_or_too_few_values_is_reported_and_the_others_are_taken() {
    let export = "name,url,username,password\na,https://a.example,u,p\nb,https://b.example,u\nc,,u,p,q\nd,,u,p\n";
    let imported = taken(export, Format::Chrome);
    assert_eq!(imported.names(), ["a", "d"]);
    let reason = "the row has more or fewer values than there are columns";
    assert_eq!(imported.report(), [format!("row 3, the item: {reason}"), format!("row 4, the item: {reason}")]);
}

#[test]
fn a_file_without_the_columns_of_its_format_is_refused() {
    assert_eq!(refused("name,url,username\n", Format::Chrome), ImportError::NotThisFormat(Format::Chrome));
    assert_eq!(refused("", Format::Firefox), ImportError::NotThisFormat(Format::Firefox));
    assert_eq!(refused(b"\xff\xfen\0a\0", Format::Apple), ImportError::NotText);
    assert_eq!(Format::detect(b"one,two\n1,2\n", "x.csv"), None);
    assert_eq!(Format::detect(b"", ""), None);
}

#[test]
fn a_column_that_is_not_known_is_reported_and_no_sign_of_the_product() {
    let export = "Title,Url,Username,Password,OTPAuth,Favorite,Archived,Tags,Notes\na,,u,p,,false,true,t,\n";
    assert_eq!(Format::detect(export.as_bytes(), "1Password.csv"), None);
    let imported = taken(export, Format::Apple);
    let reason = "the column is not known here";
    let columns = ["favorite", "archived", "tags"];
    assert_eq!(imported.report(), columns.map(|column| format!("every item, {column}: {reason}")));
}

#[test]
fn a_row_without_anything_is_no_item() {
    let imported = taken("name,url,username,password\n,,,\n, , ,\nx,,,\n", Format::Chrome);
    assert_eq!(imported.names(), ["x"]);
    let lines = [1, 2].map(|number| format!("imported item {number}, the item: there is nothing in it"));
    assert_eq!(imported.report(), lines);
    let export = r#"{"encrypted":false,"items":[0,{},{"name":"x","login":{"password":1.5}}]}"#;
    let imported = taken(export, Format::Bitwarden);
    assert_eq!((imported.names(), imported.skipped.len()), (vec!["x"], 3));
    assert_eq!(imported.report()[2], "x, password: it has a form that is not known here");
}

#[test]
fn quotation_marks_that_would_change_a_value_are_refused() {
    let cut = "name,url,username,password\na,https://a.example,u,\"half of a pass";
    assert_eq!(refused(cut, Format::Chrome), ImportError::Truncated);
    let wrong = "name,url,username,password\na,,u,p\nb,,u,\"half\" of it\n";
    assert_eq!(refused(wrong, Format::Chrome), ImportError::WrongQuotes { row: 3 });
    // Within a value that is in no quotation marks they are what they are.
    let imported = taken("name,url,username,password\na,,u,p\"q\"\n", Format::Chrome);
    assert_eq!(imported.item("a").password.expose(), "p\"q\"");
}
