import Testing

/// Commands about media proxies, by the doors that operators have.
@Suite struct MediaCommandsTests {
    private static func doors(_ folder: String) -> String {
        """
        modparam("ctl", "binrpc", "unix:\(folder)/ctl")
        modparam("mi_fifo", "fifo_name", "\(folder)/fifo")
        modparam("mi_fifo", "reply_dir", "\(folder)/")
        modparam("mi_datagram", "socket_name", "\(folder)/datagram")
        modparam("jsonrpcs", "transport", 4)
        modparam("jsonrpcs", "dgram_socket", "\(folder)/json")
        request_route { exit; }
        """
    }

    private static let modules = ["ctl", "mi_fifo", "mi_datagram", "jsonrpcs"]

    /// The old text forms, by FIFO and datagram, of both modules.
    @Test(arguments: ["rtpproxy-ng", "rtpengine"])
    func asText(module: String) throws {
        let folder = try TemporaryFolder()
        let proxy = try MediaPeer()
        let call = try MediaCall(
            ["2 == \(proxy.url)=3", "3 == \(proxy.url)"], module: module, modules: MediaCommandsTests.modules,
            MediaCommandsTests.doors(folder.path))
        let fifo = try FIFOClient("\(folder.path)/fifo", replies: folder.path)
        func shown(_ disabled: Int) -> String {
            "200 OK\n"
                + [(2, 3), (3, 1)].map { set, weight in
                    "\(proxy.url):: set=\(set)\n\tindex:: 0\n\tdisabled:: \(disabled)\n\tweight:: \(weight)\n\trecheck_ticks:: 0\n"
                }.joined()
        }
        let enabled = try fifo.ask("nh_show_rtpp")
        #expect(enabled.hasPrefix(shown(0)), "\(enabled)")
        let off = try fifo.ask("nh_enable_rtpp", proxy.url, "0")
        #expect(off.hasPrefix("200 OK"), "\(off)")
        // Everywhere, as it stands in several sets.
        #expect(try fifo.ask("nh_show_rtpp").hasPrefix(shown(1)))
        #expect(try fifo.ask("nh_enable_rtpp", proxy.url).hasPrefix("400 "))
        #expect(try fifo.ask("nh_enable_rtpp", proxy.url, "x").hasPrefix("400 bad parameter"))
        #expect(try fifo.ask("nh_enable_rtpp", "udp:nobody:1", "0").hasPrefix("404 RTP proxy not found"))
        let datagrams = try DatagramClient(unix: "\(folder.path)/datagram", as: "\(folder.path)/own")
        #expect(try datagrams.ask(":nh_enable_rtpp:\n\(proxy.url)\n5\n.").hasPrefix("200 OK"))
        #expect(try datagrams.ask(":nh_show_rtpp:\n.").hasPrefix(shown(0)))
        #expect(call.server.log.count(of: "by a command") == 2)
    }

    /// Today's, by kamcmd.
    @Test func byKamcmd() throws {
        let folder = try TemporaryFolder()
        let proxy = try MediaPeer()
        let call = try MediaCall(
            [proxy.url], modules: MediaCommandsTests.modules, MediaCommandsTests.doors(folder.path))
        func kamcmd(_ arguments: String...) throws -> String {
            let result = try run("kamcmd", ["-s", "unix:\(folder.path)/ctl"] + arguments)
            return result.output + result.errors
        }
        #expect(try kamcmd("rtpengine.show", "all").contains("url: \(proxy.url)"))
        #expect(try kamcmd("rtpengine.enable", proxy.url, "0").contains("status: disable"))
        #expect(try kamcmd("rtpengine.show", proxy.url).contains("disabled: 1(permanent)"))
        #expect(try kamcmd("rtpengine.show", "udp:nobody:1").contains("404"))
        #expect(try kamcmd("rtpengine.enable", "all", "1").contains("status: enable"))
        #expect(try kamcmd("rtpengine.ping", "all").contains("status: success"))
        #expect(try kamcmd("rtpengine.ping", "udp:nobody:1").contains("404"))
        #expect(try kamcmd("rtpengine.get_hash_total") == "0\n")
        #expect(try kamcmd("rtpengine.reload").contains("db_url is not set"))
        #expect(try call.counter("pings") >= 1)
    }

    @Test func rtpproxysByKamcmd() throws {
        let folder = try TemporaryFolder()
        let proxy = try MediaPeer()
        let call = try MediaCall(
            [proxy.url], module: "rtpproxy-ng", modules: MediaCommandsTests.modules,
            MediaCommandsTests.doors(folder.path))
        func kamcmd(_ arguments: String...) throws -> String {
            let result = try run("kamcmd", ["-s", "unix:\(folder.path)/ctl"] + arguments)
            return result.output + result.errors
        }
        #expect(try kamcmd("rtpproxy.list").contains("setid: 0"))
        #expect(try kamcmd("rtpproxy.enable", proxy.url, "0") == "ok\n")
        #expect(try kamcmd("rtpproxy.list").contains("disabled: 1"))
        #expect(try kamcmd("rtpproxy.enable", "udp:nobody:1", "1").contains("404 - RTP proxy not found"))
        #expect(call.server.log.contains("by a command"))
    }

    /// JSON-RPC over a datagram socket.
    @Test func asJSON() throws {
        let folder = try TemporaryFolder()
        let proxy = try MediaPeer()
        let call = try MediaCall(
            [proxy.url], modules: MediaCommandsTests.modules, MediaCommandsTests.doors(folder.path))
        let client = try DatagramClient(unix: "\(folder.path)/json", as: "\(folder.path)/own")
        func ask(_ method: String, _ parameters: String = "[]") throws -> String {
            try client.ask(#"{"jsonrpc":"2.0","method":"\#(method)","params":\#(parameters),"id":1}"#)
        }
        #expect(try ask("rtpengine.enable", "[\"\(proxy.url)\",0]").contains("disable"))
        #expect(try ask("rtpengine.show", #"["all"]"#).contains("1(permanent)"))
        #expect(try ask("rtpengine.enable", #"["udp:nobody:1",0]"#).contains("404"))
        #expect(try ask("rtpengine.get_hash_total").contains("0"))
        #expect(try call.counter("disabled") == 0)
    }
}
