import Testing

@testable import Core

@Suite struct URITransformationTests {
    static let full =
        "sip:alice:pw@server.com:5080;nat=yes;transport=tcp;line=xyz;lr=on;r2=on;ttl=3;user=phone"
        + ";maddr=10.0.0.1;method=INVITE;flag?Subject=x"

    static let cases: [(String, String, String?)] = [
        ("{uri.user}", full, "alice"), ("{uri.host}", full, "server.com"), ("{uri.domain}", full, "server.com"),
        ("{uri.passwd}", full, "pw"), ("{uri.port}", full, "5080"), ("{uri.transport}", full, "tcp"),
        ("{uri.ttl}", full, "3"), ("{uri.uparam}", full, "phone"), ("{uri.maddr}", full, "10.0.0.1"),
        ("{uri.method}", full, "INVITE"), ("{uri.lr}", full, "on"), ("{uri.r2}", full, "on"),
        ("{uri.headers}", full, "Subject=x"), ("{uri.scheme}", full, "sip"),
        ("{uri.param,line}", full, "xyz"), ("{uri.param,flag}", full, ""), ("{uri.param,none}", full, ""),
        ("{uri.params}", "sip:a@b;x=y;z", "x=y;z"), ("{uri.params}", "sip:a@b", ""),
        ("{uri.user}", "sip:b", ""), ("{uri.port}", "sip:b", ""), ("{uri.host}", "sip:[::1]:5060", "[::1]"),
        ("{uri.user}", "tel:+4930;ext=1", "+4930"), ("{uri.host}", "tel:+4930", ""),
        ("{uri.user}", "no uri", nil), ("{uri.host}", "", nil), ("{uri.param,x}", "<sip:a@b>", nil),
        ("{uri.rmparam,x}", "sip:a@b;x=y;z?h=1", "sip:a@b;z?h=1"), ("{uri.rmparam,z}", "sip:a@b;x=y;z", "sip:a@b;x=y"),
        ("{uri.rmparam,x}", "sip:a@b;x", "sip:a@b"), ("{uri.rmparam,q}", "sip:a@b;x", "sip:a@b;x"),
        ("{uri.saor}", full, "sip:alice@server.com"), ("{uri.saor}", "sip:server.com:5", "sip:server.com"),
        ("{uri.suri}", full, "sip:alice@server.com:5080;transport=tcp"), ("{uri.suri}", "sips:a@b;x", "sips:a@b"),
        ("{uri.duri}", full, "sip:server.com:5080;transport=tcp"), ("{uri.duri}", "sip:a@b", "sip:b"),
        ("{uri.tosocket}", "sip:t@127.0.0.1:5060;transport=udp", "udp:127.0.0.1:5060"),
        ("{uri.tosocket}", "sip:t@127.0.0.1", "udp:127.0.0.1:5060"), ("{uri.tosocket}", "sips:h", "tls:h:5061"),
        ("{uri.tosocket}", "tel:1", nil),
        ("{urialias.encode}", "sip:127.0.0.1:5060;transport=udp", "127.0.0.1~5060~1"),
        ("{urialias.encode}", "sips:h", "h~5061~3"), ("{urialias.encode}", "tel:1", nil),
        ("{urialias.decode}", "127.0.0.1~5060~1", "sip:127.0.0.1:5060;transport=udp"),
        ("{urialias.decode}", "127.0.0.1~5060~9", nil), ("{urialias.decode}", "127.0.0.1~x~1", nil),
        ("{urialias.decode}", "~5060~1", nil), ("{urialias.decode}", "1~2", nil),
    ]

    @Test(arguments: cases) func parts(_ operation: String, _ text: String, _ result: String?) throws {
        #expect(try ScriptBench().apply(operation, to: text) == result, "\(operation) of \(text)")
    }

    @Test func aMissingPortIsAlsoTheNumberZero() throws {
        let bench = try ScriptBench()
        try bench.assign("$var(x)", "sip:a@b")
        let port = try bench.value("$(var(x){uri.port})")
        #expect(port.hasInt && port.hasText && port.num == 0 && port.str.len == 0)
    }

    static let lists: [(String, String, String?)] = [
        ("{param.value,c}", "a=b;c=d", "d"), ("{param.value,C}", "a=b;c=d", "d"), ("{param.value,x}", "a=b", ""),
        ("{param.value,a}", "a;b", ""), ("{param.value,b,&}", "a=1&b=2", "2"),
        ("{param.value,q}", "q=\"x;y\";z", "x;y"),
        ("{param.in,c}", "a=1;b=2;c=3", "1"), ("{param.in,x}", "a=1", "0"), ("{param.in,a}", "", "0"),
        ("{param.valueat,1}", "a=1;b=2;c=3", "2"), ("{param.valueat,-1}", "a=1;b=2;c=3", "3"),
        ("{param.valueat,9}", "a=1", ""), ("{param.valueat,-9}", "a=1", ""),
        ("{param.name,1}", "a=1;b=2;c=3", "b"), ("{param.name,-3}", "a=1;b=2;c=3", "a"),
        ("{param.count}", "a=1;b=2;c=3", "3"), ("{param.count}", "", "0"), ("{param.count,&}", "a&b", "2"),
        ("{nameaddr.name}", "\"test\" <sip:test@kamailio.org>;x=y", "\"test\""),
        ("{nameaddr.uri}", "\"test\" <sip:test@kamailio.org>;x=y", "sip:test@kamailio.org"),
        ("{nameaddr.len}", "\"test\" <sip:test@kamailio.org>;x=y", "30"), ("{nameaddr.len}", "sip:a@b;x", "7"),
        ("{nameaddr.uri}", "\"test <sip:a@b>", nil),
        ("{tobody.uri}", "\"N\" <sip:u@h;p>;tag=x;y", "sip:u@h;p"), ("{tobody.display}", "\"N\" <sip:u@h>", "\"N\""),
        ("{tobody.tag}", "\"N\" <sip:u@h>;tag=x;y", "x"), ("{tobody.tag}", "<sip:u@h>", ""),
        ("{tobody.user}", "<sip:u@h>", "u"), ("{tobody.host}", "<sip:u@h>", "h"), ("{tobody.user}", "<x>", nil),
        ("{tobody.params}", "<sip:u@h>;tag=x;y", "tag=x;y"), ("{tobody.params}", "<sip:u@h>", ""),
        ("{line.count}", "a\r\nb\nc", "3"), ("{line.count}", "a\n", "1"), ("{line.count}", "", "0"),
        ("{line.at,1}", "a\r\nb\nc", "b"), ("{line.at,-1}", "a\r\nb\nc", "c"), ("{line.at,0}", "a\r\nb", "a"),
        ("{line.at,7}", "a", ""), ("{line.sw,m=}", "v=0\r\nm=audio 1\r\nm=video", "m=audio 1"),
        ("{line.sw,x}", "a", ""),
    ]

    @Test(arguments: lists) func listsAddressesAndLines(_ operation: String, _ text: String, _ result: String?) throws {
        #expect(try ScriptBench().apply(operation, to: text) == result, "\(operation) of \(text)")
    }

    @Test func usageNamesTheArguments() throws {
        let registry = try ScriptBench().registry
        #expect(registry.transformations["s.substr"]?.usage == "{s.substr,offset,length}")
        #expect(registry.transformations["param.value"]?.usage == "{param.value,name[,separator]}")
        #expect(registry.transformations["s.prefixes"]?.usage == "{s.prefixes[,length]}")
        #expect(registry.transformations["s.len"]?.usage == "{s.len}")
        for (name, operation) in registry.transformations {
            #expect(operation.required <= operation.arguments.count && name == operation.name)
        }
    }
}
