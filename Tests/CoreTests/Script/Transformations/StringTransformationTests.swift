import Testing

@testable import Core

@Suite struct StringTransformationTests {
    /// Operation, text, result; nil: it fails.
    static let cases: [(String, String, String?)] = [
        ("{s.len}", "abc,d", "5"), ("{s.len}", "", "0"),
        ("{s.int}", "1234", "1234"), ("{s.int}", "-7", "-7"), ("{s.int}", "12a", nil), ("{s.int}", "", nil),
        ("{s.int}", "-", nil), ("{s.intv}", "5", "5"),
        ("{s.numeric}", "(040)1234/567-89", "040123456789"), ("{s.numeric}", "x", ""),
        ("{s.tolower}", "ABCä", "abcä"), ("{s.toupper}", "abc{z", "ABC{Z"),
        ("{s.trim}", " \t a b\r\n", "a b"), ("{s.ltrim}", " a ", "a "), ("{s.rtrim}", " a ", " a"),
        ("{s.rtrim}", "  ", ""), ("{s.trim}", "", ""),
        ("{s.strip,2}", "1234", "34"), ("{s.strip,9}", "1234", ""), ("{s.strip,0}", "1234", "1234"),
        ("{s.strip,-1}", "1234", nil), ("{s.striptail,1}", "1234", "123"), ("{s.striptail,9}", "1234", ""),
        ("{s.stripto,c}", "abc,d", "c,d"), ("{s.stripto,x}", "abc", ""),
        ("{s.substr,1,2}", "abc,d", "bc"), ("{s.substr,1,0}", "abcd", "bcd"), ("{s.substr,-2,0}", "abcd", "cd"),
        ("{s.substr,2,99}", "abcd", "cd"), ("{s.substr,9,1}", "abcd", nil), ("{s.substr,-9,1}", "abcd", nil),
        ("{s.substr,0,1}", "", nil),
        ("{s.charat,1}", "abc", "b"), ("{s.charat,3}", "abc", ""), ("{s.charat,-1}", "abc", ""),
        ("{s.byteat,0}", "abc", "97"), ("{s.byteat,3}", "abc", "-1"),
        ("{s.prefixes}", "abc", "a,ab,abc"), ("{s.prefixes,2}", "abc", "a,ab"), ("{s.prefixes}", "", ""),
        ("{s.prefixes.quoted}", "abc", "'a','ab','abc'"), ("{s.prefixes.quoted,1}", "abc", "'a'"),
        ("{s.unquote}", "\"alice\"", "alice"), ("{s.unquote}", "'a'", "a"), ("{s.unquote}", "'a\"", "'a\""),
        ("{s.unquote}", "\"", "\""),
        ("{s.unbracket}", "<sip:a@b>", "sip:a@b"), ("{s.unbracket}", "[::1]", "::1"), ("{s.unbracket}", "(a]", "(a]"),
    ]

    @Test(arguments: cases) func cutting(_ operation: String, _ text: String, _ result: String?) throws {
        #expect(try ScriptBench().apply(operation, to: text) == result, "\(operation) of \(text)")
    }

    static let fields: [(String, String, String?)] = [
        ("{s.select,1,,}", "abc,d", "d"), ("{s.select,-2,,}", "12,34,56", "34"), ("{s.select,0,;}", "a;b", "a"),
        ("{s.select,5,,}", "a,b", ""), ("{s.select,-5,,}", "a,b", ""), ("{s.select,1,\\s}", "a\tb c", "b"),
        ("{s.select,1,\\n}", "a\nb", "b"), ("{s.select,0,,}", "", ""),
        ("{s.selectsw,1}", "12 34\t56", "34"), ("{s.selectws,2}", "12  34\t56", "56"),
        ("{s.selectsw,-1}", "a b c", "c"),
        ("{s.selectsw,7}", "a b", ""), ("{s.selectsw,0}", "", ""),
        ("{s.replace,a,c}", "abababa", "cbcbcbc"), ("{s.replace,ab,x}", "abab", "xx"), ("{s.replace,q,x}", "ab", "ab"),
        ("{s.replace,a,longer}", "aa", "longerlonger"),
        ("{s.rm,b}", "abab", "aa"), ("{s.rm,\\n}", "a\nb", "ab"), ("{s.rm,test}", "a test b", "a  b"),
        ("{s.count,a}", "abababa", "4"), ("{s.count,x}", "", "0"),
        ("{s.before,c}", "abcdef", "ab"), ("{s.before,x}", "abc", "abc"),
        ("{s.after,c}", "abcdef", "def"), ("{s.after,x}", "abc", ""),
        ("{s.rbefore,c}", "abcdefcgh", "abcdef"), ("{s.rbefore,x}", "abc", "abc"),
        ("{s.rafter,c}", "abcdefcgh", "gh"), ("{s.rafter,x}", "abc", ""),
        ("{s.rmws}", " a\tb\r\n c ", "abc"),
        ("{s.rmhdws}", "a\r\n  b", "a b"), ("{s.rmhlws}", "a\r\n  b", "ab"), ("{s.rmhdws}", "a\r\nb", "a\r\nb"),
        ("{s.fmtlines,4,2}", "abcdefgh", "abcd\r\n  efgh"), ("{s.fmtlinet,4,1}", "abcdefghi", "abcd\r\n\tefgh\r\n\ti"),
        ("{s.fmtlines,9,2}", "abc", "abc"), ("{s.fmtlines,0,2}", "abc", nil),
    ]

    @Test(arguments: fields) func fieldsAndSearching(_ operation: String, _ text: String, _ result: String?) throws {
        #expect(try ScriptBench().apply(operation, to: text) == result, "\(operation) of \(text)")
    }

    @Test func argumentsMayBeVariables() throws {
        let bench = try ScriptBench()
        try bench.assign("$var(x)", "a=1;b=22;c=333")
        #expect(bench["$(var(x){param.value,$(var(x){param.name,1})}{s.len})"] == "2")
        try bench.assign("$var(n)", 2)
        #expect(bench["$(var(x){s.strip,$var(n)}{s.len})"] == "12")
        // A variable without a value makes the operation fail.
        #expect(bench["$(var(x){s.strip,$vn(none)})"] == nil)
    }

    @Test func numbersArePrintedFirst() throws {
        let bench = try ScriptBench()
        try bench.assign("$var(x)", 1234)
        #expect(bench["$(var(x){s.len})"] == "4")
        #expect(bench["$(var(x){s.substr,1,2})"] == "23")
        #expect(bench.number("$(var(x){s.int})") == 1234)
    }

    @Test func nullIsNotTransformed() throws {
        let bench = try ScriptBench()
        #expect(
            bench["$(vn(x){s.len})"] == nil && bench["$(vn(x){s.md5})"] == nil && bench["$(vn(x){uri.user})"] == nil)
        #expect(bench["$(vn(x){val.n0})"] == "0" && bench["$(vn(x){val.ne})"] == "")
        #expect(bench["$(vn(x){val.json})"] == "" && bench["$(vn(x){val.jsonqe})"] == "\"\"")
        #expect(bench["$(vn(x){num.fdigit})"] == nil)
        #expect(bench["$(vn(x){val.ne}{s.len})"] == "0")
    }

    @Test func textsThatGrowTooLongFail() throws {
        let bench = try ScriptBench()
        let long = String(repeating: "a", count: 600)
        #expect(try bench.apply("{s.prefixes}", to: long) == nil)
        #expect(try bench.apply("{s.prefixes,3}", to: long) == "a,aa,aaa")
        let huge = String(repeating: "a", count: 20000)
        #expect(try bench.apply("{s.encode.hexa}", to: huge) == nil)
        #expect(try bench.apply("{s.replace,a,bbbb}", to: huge) == nil)
    }
}
