//! Rows of access logs, with their columns as they stand there.

use super::*;

/// End, milliseconds taken, client, host, path, query, cookie, and what the row shows.
type Row = (
    &'static str,
    i64,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Shows,
);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    Expired,
    Sound,
    NotSeen,
}

const ROWS: &[Row] = &[
    // signed-urls-expired, status 403, body 110
    (
        "2026-03-10T20:30:19Z",
        3,
        "198.51.100.104",
        "video.example",
        "/private/a8bba9f7/master.m3u8",
        "Expires=1773146326&Signature=B-PZJX~xBJHDMko7YV43IpSIxNajGLs0pMem8HT6mBory1tIIzP88vnJcrdXnSy1iYF8anR32MSv8HQ0hKyUT784EA7iCiabKTxdndk6Ab904IRv~OdQMcYw1hpSswKmJtMY98ixj1A9vS3S~zaI3v2OBgKC8uDMp4L-VN7ikaw_&Key-Pair-Id=K2JCJMDEHXQW5F",
        "-",
        Shows::Expired,
    ),
    // signed-urls-expired, status 403, body 110
    (
        "2026-03-10T20:30:25Z",
        4,
        "198.51.100.11",
        "video.example",
        "/private/4301a7d7/master.m3u8",
        "Expires=1773128130&Signature=8mHeZF1MPzVfLG8dhumiHz8YtIKzoaqI1UP~3baD6FahmtSA8Z0Cc6y65Jr~rkXhbzK1ZdQtRTABOpX~QgSUOgUTKz9-zM-FGG~SrCFF3SVyAb19EGH2WwY-ArVzLk0oV06sSoxQUTZXBsCVzfcscYsHeDTKqhtAbNTM1BZ7iUY_&Key-Pair-Id=K2JCJMDEHXQW5F",
        "-",
        Shows::Expired,
    ),
    // signed-urls-expired, status 403, body 110
    (
        "2026-03-10T20:30:27Z",
        2,
        "198.51.100.62",
        "video.example",
        "/private/f5016a49/master.m3u8",
        "Expires=1773153641&Signature=nVB8n2JwTa5Wn4woOZJkExf~vMMoV1RD83dNcdlokPpBtz4~rupKTnr7JCW9fh7PsCUJTMKSuN9~tqf4-fgIIKNuVeiWWItJIcIlWOkOEUa3cSKYJ7AV2s2hGHQMx5wbahuy95SbYeWrj6h~l~QAS8oWJtqRSthewjEhDJy1pSQ_&Key-Pair-Id=K2JCJMDEHXQW5F",
        "-",
        Shows::Expired,
    ),
    // signed-urls-expired, status 200, body 33814
    (
        "2026-03-10T20:00:06Z",
        3,
        "198.51.100.188",
        "video.example",
        "/private/1cf09d70/master.m3u8",
        "Expires=1773176406&Signature=pkKQkHAbI5P8f9CzpXDw2yBNipOu5myec1PhqundSboboiXoqTNetx0HJ1i5CFflfFQu5CIlGvnvKlvekhagHvRvEgTzZA9TcQeHvafJ2mLFF1q2YcuUDyOvBvCrgQ2fARR38ZCLO45O11C5TkgQ9Y9U~L8ntbhhuuOOOjT7pxg_&Key-Pair-Id=K2JCJMDEHXQW5F",
        "-",
        Shows::Sound,
    ),
    // signed-urls-expired, status 200, body 87492
    (
        "2026-03-10T20:00:14Z",
        340,
        "198.51.100.75",
        "video.example",
        "/private/dfa63a88/master.m3u8",
        "Expires=1773176414&Signature=i6z6Sl69-o551A4s5AkFTnG1f~hDXUqFeweH4DrV5xssymiMpfBj6LH58Nn-obJ62Uw9JQ7f8Nv8pXRPZF2-Lf7JBFIsukdTOAvvL68kMm8K496IHz5odtKPvbrmNqtkygmkQ8ViuXzfOCXt3BE4kKlL-g5KM8xc1XjxvuryRM8_&Key-Pair-Id=K2JCJMDEHXQW5F",
        "-",
        Shows::Sound,
    ),
    // mixture-standard, status 403, body 110
    (
        "2026-03-10T15:00:17Z",
        2,
        "198.51.100.125",
        "www.mix.example",
        "/private/9.pdf",
        "Expires=1773130855&Signature=duBptKuu4Y4w4IND4m222ZJBuizN4L4-bVOg878T8vZf8RkEaqhxVOFrz6H24RIsU5I0y~1bmBwMxgG5sHUYzQPwX6K6antYi-nQtG3cC9amIPYjgJaqh5wVhrpYLINNF1~8BUIqaG1txAPY5VRC7vRF0lTuz2NyQfXvKrreV9I_&Key-Pair-Id=K2JCJMDEHXQW5F",
        "-",
        Shows::Expired,
    ),
    // mixture-standard, status 403, body 110
    (
        "2026-03-10T15:01:08Z",
        5,
        "198.51.100.219",
        "www.mix.example",
        "/private/29.pdf",
        "Expires=1773116903&Signature=LWkmF0mymueIahANiHGQ6B5C07Pjk~eUR4LkJMTkbR8Q7CCt2nVDlm9DmK6hZbo2RWU7T~VaQUCrShu~~dfF-uQIYWoNvI1n7gVEiKk2O9fReV14CzPObSFCI8FvFbL6Qas3V-1~ufbOIPeSWoXUrC1tIn0KLJLPtOBTaS-XJlQ_&Key-Pair-Id=K2JCJMDEHXQW5F",
        "-",
        Shows::Expired,
    ),
    // mixture-standard, status 403, body 110
    (
        "2026-03-10T15:02:41Z",
        4,
        "198.51.100.200",
        "www.mix.example",
        "/private/5.pdf",
        "Expires=1773120517&Signature=46-TKFBOV2rDpEmCok4rhVvM3gWsvbi85Fyz54zGzHHMbpOSqll5s9tyVDGeAe0j~3nC0B7iYoRQN2K~msVb0ajvIIJmLdOmEJrwaKaeCVgjIAsXR-ZUNP4pSpnl8uFTQ8KcoDivm83Mbmv6TYTZWSOpDgP3Uk1VZzE9xnrAY3M_&Key-Pair-Id=K2JCJMDEHXQW5F",
        "-",
        Shows::Expired,
    ),
    // mixture-standard, status 200, body 602
    (
        "2026-03-10T15:00:39Z",
        2,
        "198.51.100.190",
        "www.mix.example",
        "/private/0.pdf",
        "Expires=1773158439&Signature=zojJARgqlCNhJ9Tgn06QMxsRd7~429XFjZjVq3KMAP2geBUrWoj8xRK3uuV-qblOxcyKipbJig~SaD4TIUFuoiBbHVN6Z~F9k6YuvnFcyh9eTDBcLg0BjeeSEAAL6HV9s0RvIywXHIB8zeDSz7nZRdBaXaJSmZNt52G6f92mEqU_&Key-Pair-Id=K2JCJMDEHXQW5F",
        "-",
        Shows::Sound,
    ),
    // mixture-standard, status 403, body 146
    (
        "2026-03-10T15:02:46Z",
        3,
        "198.51.100.122",
        "www.mix.example",
        "/private/26.pdf",
        "-",
        "-",
        Shows::NotSeen,
    ),
    // hard-signed-cookies, status 403, body 110
    (
        "2026-03-10T16:00:48Z",
        1,
        "198.18.7.60",
        "member.example",
        "/members/10.html",
        "-",
        "-",
        Shows::NotSeen,
    ),
    // hard-signed-cookies, status 403, body 146
    (
        "2026-03-10T16:01:22Z",
        2,
        "198.51.100.54",
        "member.example",
        "/members/0.html",
        "-",
        "-",
        Shows::NotSeen,
    ),
];

#[test]
fn each_row_shows_what_its_status_says() {
    for (end, taken, client, host, path, query, cookie, shows) in ROWS {
        let asked = Asked {
            protocol: Column::Value(b"https"),
            host: Column::of(Some(host.as_bytes())),
            path: path.as_bytes(),
            query: Column::of(Some(query.as_bytes())),
            cookie: Column::of(Some(cookie.as_bytes())),
            cookies_logged: Some(false),
            cookie_cut_at: None,
            client_ip: Column::of(Some(client.as_bytes())),
            ended: None,
            began: Began::from_end(
                end.parse().unwrap(),
                SignedDuration::from_secs(1),
                SignedDuration::from_millis(*taken),
            ),
        };
        let seen = match signature(&asked, Some(&keys())) {
            Signature::Absent => panic!("{query}"),
            Signature::NotSeen => Shows::NotSeen,
            Signature::Present(found) if found.checks.is_sound() => Shows::Sound,
            Signature::Present(found) => {
                let faults: Vec<_> = found.checks.faults().collect();
                let expired = Found { fault: Fault::Expired, certainty: Certainty::Certain };
                assert_eq!(faults, [expired], "{query}");
                Shows::Expired
            }
        };
        assert_eq!(seen, *shows, "{query}");
        if seen != Shows::NotSeen {
            assert_eq!(parts(&asked).unwrap().signature.len(), 128);
            let shown = redact(query.as_bytes());
            assert!(shown.contains("Signature=REDACTED&Key-Pair-Id=K2JCJMDEHXQW5F"), "{shown}");
        }
    }
}
