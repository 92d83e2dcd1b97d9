import PluginAPI
import Testing

@testable import Core

/// The group `branches`, and what makes the request's own destination new.
@Suite struct HostBranchesTests {
    private let api = HostTables.shared.branches.pointee
    private let sample = TestMessage(Sample.invite)

    private var handle: OpaquePointer { sample.message.opaque }

    private func current() -> apus_branch {
        var branch = apus_branch()
        branch.size = UInt32(MemoryLayout<apus_branch>.size)
        api.current(handle, &branch)
        return branch
    }

    private func branch(_ uri: StaticString, destination: StaticString? = nil) -> apus_branch {
        apus_branch(
            size: UInt32(MemoryLayout<apus_branch>.size), q: 250, uri: apus_str(uri),
            destination: destination.map { apus_str($0) } ?? apus_str(), path: apus_str("<sip:p;lr>"), flags: 5,
            reserved: 0, send_through: OpaquePointer(bitPattern: 4096), instance: apus_str("<urn:uuid:1>"),
            ruid: apus_str("r-1"), user_agent: apus_str("phone"))
    }

    private func expectSame(_ a: apus_branch, _ b: apus_branch) {
        #expect(a.uri.string == b.uri.string && a.destination.string == b.destination.string)
        #expect((a.destination.s == nil) == (b.destination.s == nil))
        #expect(a.path.string == b.path.string && a.q == b.q && a.flags == b.flags)
        #expect(a.send_through == b.send_through && a.instance.string == b.instance.string)
        #expect(a.ruid.string == b.ruid.string && a.user_agent.string == b.user_agent.string)
    }

    @Test func appendedOnesComeBackWhole() {
        var given = branch("sip:carol@example.net", destination: "sip:192.0.2.5")
        #expect(api.append(handle, &given) > 0 && api.count(handle) == 1)
        var back = apus_branch()
        back.size = UInt32(MemoryLayout<apus_branch>.size)
        #expect(api.get(handle, 0, &back) > 0 && api.get(handle, 1, &back) < 0)
        expectSame(back, given)
        #expect(back.uri.s != given.uri.s, "texts are copied")
    }

    @Test func theRequestsOwnDestination() {
        let bare = current()
        #expect(bare.uri.string == "sip:bob@example.net" && bare.destination.s == nil && bare.path.len == 0)
        #expect(bare.q == APUS_NO_Q && bare.flags == 0 && bare.send_through == nil && bare.ruid.len == 0)
        var given = branch("sip:carol@example.net", destination: "sip:192.0.2.5")
        api.set_new(handle, 0)
        #expect(api.set_current(handle, &given) > 0 && api.is_new(handle) > 0)
        expectSame(current(), given)
        #expect(
            sample.message.requestURI?.pointee.user.string == "carol"
                && sample.message.destinationURI?.pointee.host.string == "192.0.2.5")
        // Without a next hop there is none any more.
        given = branch("sip:dave@example.net")
        #expect(api.set_current(handle, &given) > 0 && current().destination.s == nil)
        #expect(sample.message.destinationURI == nil && sample.message.requestURI?.pointee.user.string == "dave")
    }

    @Test func whatIsNoURIChangesNothing() {
        var given = branch("sip:carol@example.net", destination: "sip:192.0.2.5")
        #expect(api.set_current(handle, &given) > 0)
        api.set_new(handle, 0)
        for (uri, destination) in [("nonsense", "sip:h"), ("sip:a@b", "nonsense")] as [(StaticString, StaticString)] {
            var wrong = branch(uri, destination: destination)
            wrong.q = 1
            #expect(api.set_current(handle, &wrong) < 0 && api.is_new(handle) < 0)
            expectSame(current(), given)
        }
        let reply = TestMessage(VariableSample.reply)
        #expect(api.set_current(reply.message.opaque, &given) < 0)
    }

    @Test func whatMakesItNew() throws {
        let bench = try ScriptBench()
        let handle = bench.message.opaque
        #expect(api.is_new(handle) > 0, "as it arrives")
        func makesNew(_ name: Comment, _ expected: Bool = true, _ change: () throws -> Void) rethrows {
            api.set_new(handle, 0)
            #expect(api.is_new(handle) < 0)
            try change()
            #expect((api.is_new(handle) > 0) == expected, name)
        }
        try makesNew("nothing to revert", false) { _ = try bench.call("revert_uri") }
        try makesNew("no next hop to forget", false) { _ = try bench.call("resetdsturi") }
        try makesNew("a flag", false) { _ = try bench.call("setflag", 3) }
        try makesNew("a URI that is none", false) { _ = try bench.call("seturi", "nonsense") }
        for name in ["seturi", "rewriteuri"] { try makesNew("\(name)") { _ = try bench.call(name, "sip:a@b") } }
        for name in ["sethost", "setuser", "prefix", "sethostport"] {
            try makesNew("\(name)") { _ = try bench.call(name, "text") }
        }
        try makesNew("setport") { _ = try bench.call("setport", "5080") }
        try makesNew("strip") { _ = try bench.call("strip", 1) }
        try makesNew("revert_uri") { _ = try bench.call("revert_uri") }
        try makesNew("setdsturi") { _ = try bench.call("setdsturi", "sip:192.0.2.1") }
        for (name, value) in [
            ("$ru", "sip:c@d"), ("$rU", "x"), ("$rd", "y"), ("$rp", "5090"), ("$du", "sip:192.0.2.2"),
        ] {
            try makesNew("\(name)") { try bench.assign(name, value) }
        }
        #expect(HostTables.shared.message.pointee.set_request_uri(handle, apus_str("sip:e@f")) > 0)
        makesNew("set_destination") {
            _ = HostTables.shared.message.pointee.set_destination(handle, apus_str("sip:192.0.2.3"))
        }
    }

    @Test func appendBranchTakesAllOfIt() throws {
        let bench = try ScriptBench()
        let message = bench.message
        try bench.assign("$du", "sip:192.0.2.1")
        #expect(message.setPath(Bytes("<sip:p;lr>")))
        message.routing.current.q = 300
        message.routing.current.flags = 6
        message.routing.current.sendThrough = UnsafeMutableRawPointer(bitPattern: 4096)
        let before = message.currentBranch
        #expect(try bench.call("append_branch") == 1 && message.branchCount == 1 && !message.routing.isNew)
        let made = message.branch(at: 0)
        #expect(made.uri == before.uri && made.destination! == before.destination! && made.path! == before.path!)
        #expect(made.q == 300 && made.flags == 6 && made.sendThrough == before.sendThrough)
        // It has gone to the branch.
        #expect(message.routing.current.destination == nil && message.routing.current.path == nil)
        #expect(message.routing.current.flags == 0 && message.routing.current.sendThrough == nil)
        #expect(bench["$ds"] == "Contact: <sip:bob@example.net>;q=0.3", "once only")
        try bench.assign("$ru", "sip:next@example.net")
        #expect(message.routing.isNew && bench["$ds"]?.hasPrefix("Contact: <sip:next@example.net>") == true)
    }

    @Test func appendBranchWithAURILeavesTheRequestsOwn() throws {
        let bench = try ScriptBench()
        try bench.assign("$du", "sip:192.0.2.1")
        bench.message.routing.current.q = 300
        #expect(try bench.call("append_branch", "sip:carol@example.net") == 1 && bench.message.routing.isNew)
        // It goes to the next hop that is set, and has no q of its own.
        #expect(bench["$branch(dst_uri)"] == "sip:192.0.2.1" && bench["$branch(q)"] == nil)
        #expect(bench["$du"] == "sip:192.0.2.1" && bench.message.routing.current.q == 300)
        // With a q of its own it is another destination.
        #expect(try bench.call("append_branch", "", "0.5") == 1 && bench.message.routing.isNew)
        #expect(bench["$(branch(q)[1])"] == "0.5" && bench["$(branch(uri)[1])"] == "sip:bob@example.net")
    }

    @Test func aCopyIsAsNewAsTheOriginal() {
        for isNew in [true, false] {
            sample.message.routing.isNew = isNew
            let chunk = UnsafeMutableRawPointer.allocate(byteCount: sample.message.cloneSize, alignment: 16)
            defer { chunk.deallocate() }
            #expect(sample.message.clone(into: chunk, arena: sample.message.arena).routing.isNew == isNew)
        }
    }
}
