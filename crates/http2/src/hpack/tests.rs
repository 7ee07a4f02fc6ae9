use proptest::prelude::*;

use super::*;
use crate::limits::MAX_TABLE;

/// Takes every field as text.
#[derive(Debug, Default)]
struct Taken(Vec<(String, String)>);

impl Fields for Taken {
    type Stop = Fault;

    fn field(&mut self, name: &[u8], value: &[u8]) -> Result<(), Fault> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.0.push((text(name), text(value)));
        Ok(())
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<(String, String)>, Fault> {
    let mut taken = Taken::default();
    decoder.decode(block, &mut Vec::new(), &mut taken)?;
    Ok(taken.0)
}

/// Decodes blocks one after the other; each must give its fields, one `name: value` a line, and leave a table of a size.
fn check(decoder: &mut Decoder, blocks: &[(&str, usize, &str)]) {
    for (hex, size, fields) in blocks {
        let decoded = decode(decoder, &bytes(hex)).unwrap();
        let lines: Vec<String> = decoded.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let expected: Vec<&str> = fields.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        assert_eq!(lines, expected, "{hex}");
        assert_eq!(decoder.table().size(), *size, "{hex}");
    }
}

#[test]
fn numbers_are_those_of_appendix_c_1() {
    for (number, prefix, coded) in [(10, 5, "0a"), (1_337, 5, "1f 9a 0a"), (42, 8, "2a"), (31, 5, "1f 00")] {
        let mut block = Vec::new();
        integer::write(0, prefix, number, &mut block);
        assert_eq!(block, bytes(coded));
        assert_eq!(integer::read(&block, &mut 0, prefix), Ok(number));
    }
    for (coded, fault) in [
        ("", Fault::Truncated),
        ("1f", Fault::Truncated),
        ("1f 80", Fault::Truncated),
        ("1f ff ff ff ff 7f", Fault::Integer),
        ("1f 80 80 80 80 80 00", Fault::Integer),
    ] {
        assert_eq!(integer::read(&bytes(coded), &mut 0, 5), Err(fault), "{coded}");
    }
}

#[test]
fn literals_are_those_of_appendix_c_2() {
    for (hex, size, fields) in [
        ("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", 55, "custom-key: custom-header"),
        ("040c 2f73 616d 706c 652f 7061 7468", 0, ":path: /sample/path"),
        ("1008 7061 7373 776f 7264 0673 6563 7265 74", 0, "password: secret"),
        ("82", 0, ":method: GET"),
    ] {
        check(&mut Decoder::default(), &[(hex, size, fields)]);
    }
}

const REQUESTS: [&str; 3] = [
    ":method: GET
     :scheme: http
     :path: /
     :authority: www.example.com",
    ":method: GET
     :scheme: http
     :path: /
     :authority: www.example.com
     cache-control: no-cache",
    ":method: GET
     :scheme: https
     :path: /index.html
     :authority: www.example.com
     custom-key: custom-value",
];

#[test]
fn requests_are_those_of_appendices_c_3_and_c_4() {
    let plain = [
        ("8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", 57, REQUESTS[0]),
        ("8286 84be 5808 6e6f 2d63 6163 6865", 110, REQUESTS[1]),
        ("8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", 164, REQUESTS[2]),
    ];
    let coded = [
        ("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", 57, REQUESTS[0]),
        ("8286 84be 5886 a8eb 1064 9cbf", 110, REQUESTS[1]),
        ("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", 164, REQUESTS[2]),
    ];
    check(&mut Decoder::default(), &plain);
    check(&mut Decoder::default(), &coded);
}

const RESPONSES: [&str; 3] = [
    ":status: 302
     cache-control: private
     date: Mon, 21 Oct 2013 20:13:21 GMT
     location: https://www.example.com",
    ":status: 307
     cache-control: private
     date: Mon, 21 Oct 2013 20:13:21 GMT
     location: https://www.example.com",
    ":status: 200
     cache-control: private
     date: Mon, 21 Oct 2013 20:13:22 GMT
     location: https://www.example.com
     content-encoding: gzip
     set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
];

#[test]
fn responses_in_a_table_of_256_are_those_of_appendices_c_5_and_c_6() {
    let plain = [
        ("3fe1 01", 0, ""),
        (
            "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133
             3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
            222,
            RESPONSES[0],
        ),
        ("4803 3330 37c1 c0bf", 222, RESPONSES[1]),
        (
            "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a
             6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d
             6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
            215,
            RESPONSES[2],
        ),
    ];
    let coded = [
        ("3fe1 01", 0, ""),
        (
            "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d
             29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
            222,
            RESPONSES[0],
        ),
        ("4883 640e ffc1 c0bf", 222, RESPONSES[1]),
        (
            "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d
             d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106
             3d50 07",
            215,
            RESPONSES[2],
        ),
    ];
    check(&mut Decoder::default(), &plain);
    check(&mut Decoder::default(), &coded);
}

#[test]
fn wrong_blocks_are_named() {
    for (hex, fault) in [
        ("80", Fault::Index),
        ("be", Fault::Index),
        ("7e 01 61", Fault::Index),
        ("ff 80 80 80 08", Fault::Integer),
        ("40", Fault::Truncated),
        ("40 05 61", Fault::Truncated),
        ("40 01 61", Fault::Truncated),
        ("40 81 00 01 61", Fault::Huffman),
        ("3f e2 1f", Fault::TableSize),
        ("82 20", Fault::TableSize),
    ] {
        assert_eq!(decode(&mut Decoder::default(), &bytes(hex)), Err(fault), "{hex}");
    }
    // Twice at the front is right, and so is an entry larger than the table, which empties it.
    check(&mut Decoder::default(), &[("20 3f e1 1f 82", 0, ":method: GET"), ("40 01 61 01 62", 34, "a: b")]);
    let mut decoder = Decoder::default();
    check(&mut decoder, &[("40 01 61 01 62", 34, "a: b"), ("3f 02", 0, ""), ("40 01 61 01 62", 0, "a: b")]);
    assert_eq!(decode(&mut decoder, &bytes("be")), Err(Fault::Index));
}

#[test]
fn a_block_of_ours_says_what_it_was_made_of_on_any_connection() {
    let mut block = Vec::new();
    for status_code in [200, 206, 304, 416, 503] {
        status(status_code, &mut block);
    }
    field(b"content-type", b"application/vnd.apple.mpegurl", &mut block);
    field(b"x-unheard-of", b"\x01\xff", &mut block);
    field_raw(b"age", b"17", &mut block);
    let mut decoder = Decoder::default();
    for _ in 0..2 {
        let decoded = decode(&mut decoder, &block).unwrap();
        let statuses: Vec<&str> = decoded[..5].iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(statuses, ["200", "206", "304", "416", "503"]);
        assert_eq!(decoded[5], ("content-type".into(), "application/vnd.apple.mpegurl".into()));
        assert_eq!(decoded[7], ("age".into(), "17".into()));
        assert_eq!(decoder.table().size(), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_blocks_are_unpacked_or_refused_and_the_table_stays_small(
        blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..40),
    ) {
        let mut decoder = Decoder::default();
        for block in blocks {
            let _ = decode(&mut decoder, &block);
            prop_assert!(decoder.table().size() <= MAX_TABLE);
            prop_assert!(decoder.table().held() <= 4 * MAX_TABLE);
        }
    }

    #[test]
    fn entries_are_found_by_index_as_long_as_there_is_room_for_them(
        fields in prop::collection::vec((1_usize..400, 0_usize..900), 1..100),
    ) {
        let mut decoder = Decoder::default();
        let mut kept: Vec<(String, String)> = Vec::new();
        for (at, (name, value)) in fields.into_iter().enumerate() {
            let (name, value) = (format!("{at:0>name$}"), format!("{at:0>value$}"));
            let mut block = vec![0x40];
            for text in [&name, &value] {
                integer::write(0, 7, text.len(), &mut block);
                block.extend_from_slice(text.as_bytes());
            }
            prop_assert_eq!(decode(&mut decoder, &block), Ok(vec![(name.clone(), value.clone())]));
            kept.insert(0, (name, value));
            let mut size = 0;
            kept.retain(|(name, value)| {
                size += name.len() + value.len() + 32;
                size <= MAX_TABLE
            });
            let mut all = Vec::new();
            for index in 0..kept.len() {
                integer::write(0x80, 7, 62 + index, &mut all);
            }
            prop_assert_eq!(decode(&mut decoder, &all), Ok(kept.clone()));
            all.clear();
            integer::write(0x80, 7, 62 + kept.len(), &mut all);
            prop_assert_eq!(decode(&mut decoder, &all), Err(Fault::Index));
            prop_assert!(decoder.table().held() <= 4 * MAX_TABLE);
        }
    }
}
