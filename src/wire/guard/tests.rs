//! Addresses in every disguise that a URL allows, each with what it must be called.

use super::*;

const REFUSED: &[(&str, &[&str])] = &[
    ("unspecified", &["0.0.0.0", "0.0.0.1", "0.255.255.255", "0", "0x0", "00", "0.0", "[::]", "[0:0:0:0:0:0:0:0]"]),
    (
        "private",
        &["10.0.0.0", "10.0.0.1", "10.255.255.255", "172.16.0.0", "172.20.10.2", "172.31.255.255", "192.168.0.0"],
    ),
    (
        "private",
        &["192.168.1.1", "192.168.255.255", "0xa.0.0.1", "012.0.0.1", "10.1", "167772161", "0xc0a80101", "3232235777"],
    ),
    (
        "private",
        &["192.168.257", "0300.0250.1.1", "192.11010305", "0xAC.0x10.0.1", "１０．0．0．1", "172.16.1", "10。0。0。1"],
    ),
    (
        "carrier-grade NAT",
        &["100.64.0.0", "100.64.0.1", "100.100.100.200", "100.127.255.255", "0x64400001", "1681915905"],
    ),
    (
        "loopback",
        &["127.0.0.0", "127.0.0.1", "127.255.255.255", "127.1", "127.0.1", "2130706433", "0x7f000001", "017700000001"],
    ),
    (
        "loopback",
        &["0177.0.0.1", "0x7f.0.0.1", "0x7f.1", "0177.1", "127.0.0.1.", "１２７.0.0.1", "①②⑦.⓪.⓪.①", "127%2e0%2e0%2e1"],
    ),
    (
        "loopback",
        &[
            "127。0。0。1",
            "127．0．0．1",
            "%31%32%37.0.0.1",
            "0x7F.0X0.0.1",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::0.0.0.1]",
        ],
    ),
    (
        "link-local",
        &["169.254.0.0", "169.254.169.254", "169.254.255.255", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376"],
    ),
    ("link-local", &["169.254.43518", "[fe80::]", "[fe80::1]", "[febf:ffff::1]", "[FE80::A9FE:A9FE]"]),
    ("protocol assignment", &["192.0.0.0", "192.0.0.8", "192.0.0.170", "192.0.0.255", "192.31.196.1", "192.52.193.1"]),
    ("protocol assignment", &["192.175.48.6", "[2001:1::1]", "[2001:20::1]", "[2001:1ff:ffff::]", "[2620:4f:8000::1]"]),
    ("documentation", &["192.0.2.0", "192.0.2.255", "198.51.100.7", "203.0.113.0", "203.0.113.255", "[2001:db8::1]"]),
    ("documentation", &["[2001:db8:ffff:ffff::]", "[3fff::]", "[3fff:fff:ffff::1]", "0xcb007101"]),
    ("benchmarking", &["198.18.0.0", "198.18.0.1", "198.19.255.255", "[2001:2::]", "[2001:2:0:ffff::1]"]),
    ("6to4 relay", &["192.88.99.0", "192.88.99.1", "192.88.99.255"]),
    ("multicast", &["224.0.0.0", "224.0.0.1", "239.255.255.250", "0xe0000001", "[ff00::]", "[ff02::1]", "[ffff::1]"]),
    ("reserved", &["240.0.0.0", "240.0.0.1", "255.255.255.254", "0xf0000001"]),
    ("broadcast", &["255.255.255.255", "0xffffffff", "4294967295", "037777777777"]),
    (
        "IPv4-mapped",
        &["[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::FFFF:10.0.0.1]", "[0:0:0:0:0:ffff:169.254.169.254]"],
    ),
    ("IPv4-mapped", &["[::ffff:8.8.8.8]", "[::ffff:0:0]"]),
    ("IPv4-translated", &["[::ffff:0:127.0.0.1]", "[::ffff:0:7f00:1]"]),
    ("IPv4-compatible", &["[::127.0.0.1]", "[::7f00:1]", "[::10.0.0.1]", "[::2]"]),
    (
        "NAT64",
        &[
            "[64:ff9b::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b::a9fe:a9fe]",
            "[64:ff9b:1::1]",
            "[64:ff9b:1:ffff::10.0.0.1]",
        ],
    ),
    ("discard", &["[100::]", "[100::1]", "[100:0:0:0:ffff::]"]),
    ("Teredo", &["[2001::]", "[2001:0:7f00:1::]", "[2001:0:ffff::1]"]),
    ("6to4", &["[2002::]", "[2002:7f00:1::]", "[2002:7f00:1::1]", "[2002:a9fe:a9fe::1]", "[2002:ffff::1]"]),
    (
        "unique local",
        &["[fc00::]", "[fc00::1]", "[fd00::1]", "[fd12:3456:789a::1]", "[fdff:ffff::1]", "[fd00:ec2::254]"],
    ),
    ("site-local", &["[fec0::]", "[fec0::1]", "[feff:ffff::1]"]),
    (
        "not global",
        &[
            "[1::1]",
            "[64:ff9b:2::1]",
            "[100:0:0:1::1]",
            "[4000::1]",
            "[5f00::1]",
            "[8000::1]",
            "[fbff::1]",
            "[fe00::1]",
        ],
    ),
];

const PUBLIC: &[&str] = &[
    "1.0.0.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.0.3.0",
    "192.88.98.255",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "198.51.99.255",
    "198.51.101.0",
    "203.0.112.255",
    "203.0.114.0",
    "223.255.255.255",
    "134744072",
    "0x08080808",
    "[2000::1]",
    "[2001:200::1]",
    "[2001:db7::1]",
    "[2001:db9::1]",
    "[2003::1]",
    "[2606:4700::1111]",
    "[2a00:1450::1]",
    "[3ffe::1]",
    "[3fff:1000::1]",
];

fn literal(host: &str) -> IpAddr {
    let url = Url::parse(&format!("http://{host}/hook")).unwrap_or_else(|error| panic!("{host}: {error}"));
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.into(),
        Some(Host::Ipv6(ip)) => ip.into(),
        other => panic!("{host} is no address: {other:?}"),
    }
}

#[test]
fn nothing_inside_passes_in_any_spelling() {
    let mut checked = PUBLIC.len();
    for (why, hosts) in REFUSED {
        for host in *hosts {
            let ip = literal(host);
            assert_eq!(not_public(ip), Some(*why), "{host} -> {ip}");
            let url = Url::parse(&format!("https://{host}:8443/")).unwrap();
            assert_eq!(permit_url(&url, &[]), Err(Refused::Address { ip, why }), "{host}");
            checked += 1;
        }
    }
    for host in PUBLIC {
        let ip = literal(host);
        assert!(is_public(ip), "{host} -> {ip} is {:?}", not_public(ip));
    }
    assert!(checked >= 150, "{checked}");
}

#[test]
fn an_allowed_range_opens_itself_and_nothing_else() {
    let allow: Vec<IpNet> = vec!["10.1.0.0/16".parse().unwrap(), "fd00:1::/32".parse().unwrap()];
    for (host, allowed) in [
        ("10.1.2.3", true),
        ("0xa010203", true),
        ("10.2.0.1", false),
        ("127.0.0.1", false),
        ("[fd00:1::9]", true),
        ("[fd00:2::9]", false),
        ("[::ffff:10.1.2.3]", false),
        ("8.8.8.8", true),
    ] {
        assert_eq!(permit(literal(host), &allow).is_ok(), allowed, "{host}");
    }
}

#[test]
fn only_http_goes_out() {
    for (url, allowed) in [
        ("http://a.example/", true),
        ("https://a.example/", true),
        ("ftp://a.example/", false),
        ("file:///etc/passwd", false),
        ("unix:/run/x.sock", false),
        ("foo://127.0.0.1/", false),
    ] {
        assert_eq!(permit_url(&Url::parse(url).unwrap(), &[]).is_ok(), allowed, "{url}");
    }
}
