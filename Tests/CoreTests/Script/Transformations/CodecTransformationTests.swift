import Testing

@testable import Core

@Suite struct CodecTransformationTests {
    static let cases: [(String, String, String?)] = [
        ("{s.md5}", "abc", "900150983cd24fb0d6963f7d28e17f72"), ("{s.md5}", "", "d41d8cd98f00b204e9800998ecf8427e"),
        ("{s.sha1}", "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("{s.sha256}", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "{s.sha384}", "abc",
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"
        ),
        (
            "{s.sha512}", "abc",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
        ("{s.sha3}", "abc", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
        ("{s.sha3,224}", "abc", "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"),
        ("{s.sha3,100}", "abc", nil),
        ("{s.crc32}", "123456789", "3421780262"),
        ("{s.encode.hexa}", "abz", "61627a"), ("{s.decode.hexa}", "61627A", "abz"), ("{s.decode.hexa}", "616", nil),
        ("{s.decode.hexa}", "6g", nil),
        ("{s.encode.base64}", "a", "YQ=="), ("{s.encode.base64}", "ab", "YWI="), ("{s.encode.base64}", "abc", "YWJj"),
        ("{s.encode.base64t}", "a", "YQ"), ("{s.encode.base64}", "??>", "Pz8+"),
        ("{s.encode.base64url}", "??>", "Pz8-"), ("{s.encode.base64urlt}", "ab", "YWI"),
        ("{s.decode.base64}", "YQ==", "a"), ("{s.decode.base64}", "YQ", nil), ("{s.decode.base64t}", "YQ", "a"),
        ("{s.decode.base64}", "Y*==", nil), ("{s.decode.base64url}", "Pz8-", "??>"),
        ("{s.decode.base64urlt}", "YWI", "ab"),
        ("{s.decode.base64t}", "Y", nil), ("{s.decode.base64}", "", ""),
        ("{s.encode.base58}", "Hello World!", "2NEpo7TZRRrLZSi2U"),
        ("{s.decode.base58}", "2NEpo7TZRRrLZSi2U", "Hello World!"),
        ("{s.decode.base58}", "0OIl", nil), ("{s.encode.base58}", "", ""),
        ("{s.encode.7bit}", "hellohello", "E8329BFD4697D9EC37"),
        ("{s.encode.7bit}{s.decode.7bit}", "hello7!", "hello7!"),
        ("{s.encode.7bit}{s.decode.7bit}", "12345678", "12345678"),
        ("{s.escape.common}", "a'b\"c\\", "a\\'b\\\"c\\\\"), ("{s.unescape.common}", "a\\'b\\\\", "a'b\\"),
        ("{s.escape.crlf}", "a\r\nb", "a\\r\\nb"), ("{s.unescape.crlf}", "a\\r\\nb", "a\r\nb"),
        ("{s.escape.user}", "a b%@", "a%20b%25%40"), ("{s.unescape.user}", "a%20b", "a b"),
        ("{s.escape.param}", "a;b=c", "a%3Bb%3Dc"), ("{s.unescape.param}", "a%3bb", "a;b"),
        ("{s.escape.csv}", "foo,bar\"baz", "\"foo,bar\"\"baz\""),
        ("{s.urlencode.param}", "a b&c", "a%20b%26c"), ("{s.urldecode.param}", "a+b%26c", "a b&c"),
        ("{val.json}", "\"name\" <a>\n\u{1}", "\\\"name\\\" <a>\\n\\u0001"), ("{val.jsonqe}", "a\"", "\"a\\\"\""),
        ("{val.n0}", "a", "a"), ("{val.ne}", "a", "a"),
    ]

    @Test(arguments: cases) func codecs(_ operation: String, _ text: String, _ result: String?) throws {
        #expect(try ScriptBench().apply(operation, to: text) == result, "\(operation) of \(text)")
    }

    @Test func zerosKeepTheirPlaceInBase58() throws {
        let bench = try ScriptBench()
        #expect(try bench.apply("{s.decode.hexa}{s.encode.base58}", to: "0000287fb4cd") == "11233QC4")
        #expect(try bench.apply("{s.decode.base58}{s.encode.hexa}", to: "11233QC4") == "0000287fb4cd")
    }

    /// The hash splits traffic in configs that are in use: its values are fixed.
    @Test func theCoreHashIsStable() throws {
        let bench = try ScriptBench()
        // One word: h = 0x61626364 ^ 0x0c2c4c6c = 0x6d4e2f08, mixed.
        let h: UInt32 = 0x6d4e_2f08
        let mixed = (h &+ h >> 11) &+ (h >> 13 &+ h >> 23)
        #expect(try bench.apply("{s.corehash}", to: "abcd") == String(mixed))
        #expect(try bench.apply("{s.corehash,16}", to: "abcd") == String(mixed & 15))
        #expect(try bench.apply("{s.corehash,0}", to: "abcd") == nil)
        #expect(try bench.apply("{s.corehash}", to: "") == "0")
    }

    @Test func digitsAndNumbers() throws {
        let bench = try ScriptBench()
        try bench.assign("$var(x)", 1234)
        #expect(bench["$(var(x){num.fdigit})"] == "1" && bench["$(var(x){num.ldigit})"] == "4")
        #expect(bench["$(var(x){val.jsonqe})"] == "1234")
        try bench.assign("$var(x)", "abc")
        #expect(bench["$(var(x){num.fdigit})"] == "0")
    }

    @Test func datesByStrftime() throws {
        let bench = try ScriptBench()
        try bench.assign("$var(x)", 1_700_000_000)
        #expect(bench["$(var(x){s.ftime,%Y})"] == "2023")
        #expect(bench["$(var(x){s.ftime,%Y, %m})"]?.hasPrefix("2023, 11") == true)
    }
}
