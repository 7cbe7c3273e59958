use super::*;

fn document() -> Document {
    let header = Header {
        vault: VaultId::from_bytes([1; 16]),
        generation: 7,
        data_key: DataKeyId::from_bytes([2; 16]),
        pepper: FixedBase64([3; 32]),
        created: Timestamp::from_unix(1_795_249_800),
        slots: vec![],
    };
    Document { protected: header.to_protected().unwrap(), header, payload: vec![9; 72] }
}

fn with(change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let mut value: serde_json::Value = serde_json::from_slice(&document().to_bytes().unwrap()).unwrap();
    change(&mut value);
    serde_json::to_vec(&value).unwrap()
}

#[test]
fn a_document_reads_back() {
    let read = Document::parse(&document().to_bytes().unwrap()).unwrap();
    assert_eq!(read.header, document().header);
    assert_eq!(read.payload, document().payload);
}

#[test]
fn a_newer_version_is_named_even_when_its_members_are_new() {
    for bytes in [
        with(|value| value["version"] = 2.into()),
        with(|value| {
            value["version"] = 9.into();
            value["new"] = true.into();
        }),
    ] {
        assert!(matches!(Document::parse(&bytes), Err(FormatError::Version { known: 1, .. })));
    }
}

#[test]
fn what_is_not_a_vault_is_refused() {
    let mut protected: serde_json::Value = serde_json::from_slice(&document().protected).unwrap();
    protected["later"] = 1.into();
    let unknown = serde_json::to_value(Base64(serde_json::to_vec(&protected).unwrap())).unwrap();
    for bytes in [
        with(|value| value["later"] = 1.into()),
        with(|value| value["format"] = "other".into()),
        with(|value| value["version"] = 0.into()),
        with(|value| value["payload"] = "AAF=".into()),
        with(|value| value["protected"] = unknown),
        br#"{"format":"strongroom-vault","format":"strongroom-vault","version":1}"#.to_vec(),
        b"[]".to_vec(),
        br#"["strongroom-vault",1,"e30=","AAAA"]"#.to_vec(),
        vec![0; 4096],
        vec![],
    ] {
        assert!(matches!(Document::parse(&bytes), Err(FormatError::Malformed(_))));
    }
    let whole = document().to_bytes().unwrap();
    // The last byte is a line feed, which adds nothing.
    for length in 0..whole.len() - 1 {
        assert!(Document::parse(&whole[..length]).is_err(), "length {length}");
    }
}

#[test]
fn a_generation_of_0_is_refused() {
    let mut document = document();
    document.header.generation = 0;
    document.protected = document.header.to_protected().unwrap();
    assert!(matches!(Document::parse(&document.to_bytes().unwrap()), Err(FormatError::Malformed(_))));
}

/// A payload of two projects with two key versions each and two kits, changed as JSON.
fn payload_with(change: impl FnOnce(&mut serde_json::Value)) -> Result<Payload, FormatError> {
    let time = "2026-11-21T08:30:00Z";
    let key = |version, state| serde_json::json!({"version": version, "state": state, "created": time, "wrapped": ""});
    let project = |id: u8, name| {
        let keys = [key(1, "active"), key(2, "active"), key(3, "retired")];
        serde_json::json!({"id": ProjectId::from_bytes([id; 16]), "name": name, "created": time, "keys": keys})
    };
    let kit =
        |number: u8| serde_json::json!({"id": KitId::from_bytes([number; 16]), "number": number, "created": time});
    let mut payload = serde_json::json!({
        "needs": ["a feature"],
        "policy": Policy::new(KdfCost::FLOOR),
        "anchor_key": "",
        "projects": [project(1, "acme"), project(2, "bistro")],
        "kits": [kit(1), kit(2)],
    });
    change(&mut payload);
    Payload::parse(payload.to_string().as_bytes())
}

#[test]
fn what_must_be_unique_in_a_payload_is_and_counts_from_1() {
    let payload = payload_with(|_| ()).unwrap();
    assert_eq!(payload.projects[0].current().unwrap().version, 2);
    assert_eq!(payload.lacking(), ["a feature"]);
    // Of the limits, the one that no file small enough for a test comes near.
    assert_eq!(SIZE_LIMIT, 268_435_456);
    assert_eq!(Payload::parse(&payload.to_bytes().unwrap()).unwrap(), payload);
    let changes: [fn(&mut serde_json::Value); 7] = [
        |payload| payload["projects"][1]["name"] = "acme".into(),
        |payload| payload["projects"][1]["id"] = payload["projects"][0]["id"].clone(),
        |payload| payload["projects"][0]["keys"][1]["version"] = 1.into(),
        |payload| payload["projects"][0]["keys"][2]["version"] = 0.into(),
        |payload| payload["kits"][1]["id"] = payload["kits"][0]["id"].clone(),
        |payload| payload["kits"][1]["number"] = 0.into(),
        |payload| payload["policy"]["m"] = 65535.into(),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        assert!(payload_with(change).is_err(), "change {index}");
    }
}

#[test]
fn a_project_without_an_active_key_has_no_current_one() {
    let retire = |payload: &mut serde_json::Value| {
        for key in payload["projects"][0]["keys"].as_array_mut().unwrap() {
            key["state"] = "retired".into();
        }
    };
    assert!(payload_with(retire).unwrap().projects[0].current().is_none());
}

#[test]
fn a_slot_of_an_unknown_kind_is_kept_and_a_kits_is_held_to_its_members() {
    let kit = KitSlot {
        id: KitId::from_bytes([7; 16]),
        number: 3,
        created: Timestamp::from_unix(0),
        wrapped: Base64(vec![1]),
    };
    let kit = serde_json::to_value(Slot::Kit(kit)).unwrap();
    assert_eq!((&kit["kind"], &kit["number"]), (&"kit".into(), &3.into()));
    let foreign = serde_json::json!({"kind": "member", "id": "x", "deep": [1, {"y": null}]});
    let with = |slots: serde_json::Value| {
        let mut protected: serde_json::Value = serde_json::from_slice(&document().protected).unwrap();
        protected["slots"] = slots;
        let document = Document { protected: serde_json::to_vec(&protected).unwrap(), ..document() };
        Document::parse(&document.to_bytes().unwrap())
    };
    let read = with(serde_json::json!([foreign, kit])).unwrap().header;
    assert_eq!(read.slots.iter().map(Slot::kind).collect::<Vec<_>>(), ["member", "kit"]);
    assert_eq!(read.kits().count(), 1);
    assert_eq!(serde_json::to_value(&read.slots).unwrap(), serde_json::json!([foreign, kit]));
    let mut later = kit.clone();
    later["later"] = 1.into();
    let mut short = kit.clone();
    short.as_object_mut().unwrap().remove("wrapped");
    for bad in [later, short, serde_json::json!({"id": 1}), serde_json::json!({"kind": 1}), serde_json::json!(["kit"])]
    {
        assert!(matches!(with(serde_json::json!([bad])), Err(FormatError::Malformed(_))), "{bad}");
    }
}

#[test]
fn what_was_written_before_the_formats_were_frozen_is_called_that() {
    let with = |change: fn(&mut serde_json::Value)| {
        let mut protected: serde_json::Value = serde_json::from_slice(&document().protected).unwrap();
        change(&mut protected);
        let document = Document { protected: serde_json::to_vec(&protected).unwrap(), ..document() };
        Document::parse(&document.to_bytes().unwrap()).map(drop)
    };
    let old = with(|protected| {
        let members = protected.as_object_mut().unwrap();
        let slots = members.remove("slots").unwrap();
        members.insert("recovery".into(), slots);
    });
    assert_eq!(old, Err(FormatError::BeforeRelease));
    for other in [
        with(|protected| drop(protected.as_object_mut().unwrap().remove("slots"))),
        with(|protected| protected["recovery"] = serde_json::json!([])),
    ] {
        assert!(matches!(other, Err(FormatError::Malformed(_))));
    }
}
