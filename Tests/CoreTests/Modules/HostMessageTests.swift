import PluginAPI
import Testing

@testable import Core

/// The group `message` over a parsed message.
@Suite struct HostMessageTests {
    private let api = HostTables.shared.message.pointee
    private let sample = TestMessage(
        Sample.lines(
            "INVITE sip:bob@example.net;transport=udp SIP/2.0",
            "Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bKabc;rport, SIP/2.0/TCP inner;branch=z9hG4bKdef",
            "Max-Forwards: 70", "f: \"Alice\" <sip:alice@example.org>;tag=1", "To: <sip:bob@example.net>",
            "Call-ID: c1@example.org", "CSeq: 314 INVITE", "Contact: <sip:alice@198.51.100.7:5062>",
            "Subject: a", "Subject: b", "Content-Type: text/plain", "Content-Length: 5", "", "hello"))

    private var handle: OpaquePointer { sample.message.opaque }

    private func field(_ number: Int) -> String? {
        let text = api.field(handle, UInt32(number))
        return text.s == nil ? nil : text.string
    }

    @Test func fields() {
        #expect(api.is_request(handle) > 0 && api.status(handle) == 0)
        #expect(api.method(handle) == UInt32(APUS_METHOD_INVITE))
        #expect(api.method_of(apus_str("UPDATE")) == UInt32(APUS_METHOD_UPDATE))
        #expect(api.method_of(apus_str("invite")) == UInt32(APUS_METHOD_OTHER))
        #expect(field(APUS_FIELD_METHOD_TEXT) == "INVITE")
        #expect(field(APUS_FIELD_REQUEST_URI) == "sip:bob@example.net;transport=udp")
        #expect(field(APUS_FIELD_REASON) == nil)
        #expect(field(APUS_FIELD_CALL_ID) == "c1@example.org")
        #expect(field(APUS_FIELD_FROM_URI) == "sip:alice@example.org")
        #expect(field(APUS_FIELD_FROM_TAG) == "1")
        #expect(field(APUS_FIELD_FROM_NAME) == "\"Alice\"")
        #expect(field(APUS_FIELD_TO_URI) == "sip:bob@example.net")
        #expect(field(APUS_FIELD_TO_TAG) == nil && field(APUS_FIELD_TO_NAME) == nil)
        #expect(field(APUS_FIELD_CSEQ_NUMBER) == "314")
        #expect(field(APUS_FIELD_CONTENT_TYPE) == "text/plain")
        #expect(field(APUS_FIELD_DESTINATION_URI) == nil && field(APUS_FIELD_SOURCE_IP) == nil)
        #expect(field(999) == nil)
        sample.message.routing.source = SocketAddress(parsing: Bytes("192.0.2.9"), port: 5070)!
        #expect(field(APUS_FIELD_SOURCE_IP) == "192.0.2.9")
        #expect(api.source_port(handle) == 5070)
    }

    @Test func parts() {
        #expect(api.part(handle, UInt32(APUS_PART_BODY)).string == "hello")
        #expect(
            api.part(handle, UInt32(APUS_PART_FIRST_LINE)).string == "INVITE sip:bob@example.net;transport=udp SIP/2.0")
        let headers = api.part(handle, UInt32(APUS_PART_HEADERS))
        #expect(headers.string.hasPrefix("Via: ") && headers.string.hasSuffix("Content-Length: 5\r\n"))
        #expect(api.offset(handle, headers) == 50)
        #expect(api.part(handle, 9).s == nil)
    }

    @Test func headers() {
        var header = apus_header()
        header.size = UInt32(MemoryLayout<apus_header>.size)
        #expect(api.header_count(handle) == 11)
        #expect(api.find(handle, apus_str("From"), 0, &header) > 0)
        #expect(header.name.string == "f" && header.index == 2)
        #expect(api.find(handle, apus_str("subject"), 0, &header) > 0 && header.value.string == "a")
        #expect(api.find(handle, apus_str("s"), header.index + 1, &header) > 0 && header.value.string == "b")
        #expect(api.find(handle, apus_str("s"), header.index + 1, &header) < 0)
        #expect(api.header_at(handle, 11, &header) < 0)
        #expect(api.header_at(handle, 1, &header) > 0 && header.value.string == "70" && header.length == 18)
        #expect(api.same_header(apus_str("m"), apus_str("CONTACT")) > 0)
        #expect(api.same_header(apus_str("x-a"), apus_str("X-A")) > 0)
        #expect(api.same_header(apus_str("x-a"), apus_str("x-b")) < 0)
    }

    @Test func vias() {
        var via = apus_via()
        via.size = UInt32(MemoryLayout<apus_via>.size)
        #expect(api.via_count(handle) == 2)
        #expect(api.via(handle, 0, &via) > 0)
        #expect(via.host.string == "198.51.100.7" && via.port == 5062 && via.branch.string == "z9hG4bKabc")
        #expect(via.rport.s != nil && via.rport.len == 0 && via.received.s == nil)
        #expect(api.via(handle, 1, &via) > 0 && via.transport.string == "TCP" && via.rport.s == nil)
        #expect(api.via(handle, 2, &via) < 0)
    }

    @Test func parsers() {
        var uri = apus_uri()
        uri.size = UInt32(MemoryLayout<apus_uri>.size)
        #expect(api.parse_uri(apus_str("sips:a:b@[::1]:5071;lr;r2=on?x=y"), &uri) > 0)
        #expect(uri.scheme == 2 && uri.user.string == "a" && uri.password.string == "b" && uri.host.string == "[::1]")
        #expect(uri.port_number == 5071 && uri.lr.s != nil && uri.lr.len == 0 && uri.r2.string == "on")
        #expect(uri.headers.string == "x=y" && uri.transport.s == nil)
        #expect(api.parse_uri(apus_str("nonsense"), &uri) < 0)
        var value = apus_name_addr()
        value.size = UInt32(MemoryLayout<apus_name_addr>.size)
        let list: apus_str = apus_str("Bob <sip:b@x>;q=1, <sip:c@x>")
        #expect(api.parse_name_addr(list, &value) > 0)
        #expect(value.display.string == "Bob" && value.uri.string == "sip:b@x" && value.params.string == ";q=1")
        #expect(value.length == 17)
        var text = apus_str()
        #expect(api.find_param(apus_str(";a;b=\"c\""), apus_str("B"), &text) > 0 && text.string == "c")
        #expect(api.find_param(apus_str(";a;b=c"), apus_str("a"), &text) > 0 && text.len == 0)
        #expect(api.find_param(apus_str(";a;b=c"), apus_str("x"), &text) < 0)
        #expect(api.same_uri(apus_str("sip:a@B.c"), apus_str("sip:a@b.C")) == 1)
        #expect(api.same_uri(apus_str("sip:a@b"), apus_str("sip:b@b")) == -1)
        #expect(api.same_uri(apus_str("sip:a@b"), apus_str("x")) == -2)
    }

    @Test func decisions() {
        #expect(api.set_request_uri(handle, apus_str("sip:new@example.net")) > 0)
        #expect(field(APUS_FIELD_REQUEST_URI) == "sip:new@example.net")
        #expect(field(APUS_FIELD_ORIGINAL_URI) == "sip:bob@example.net;transport=udp")
        #expect(api.set_request_uri(handle, apus_str("broken")) < 0)
        #expect(api.set_destination(handle, apus_str("sip:192.0.2.1")) > 0)
        #expect(field(APUS_FIELD_DESTINATION_URI) == "sip:192.0.2.1")
        #expect(api.set_destination(handle, apus_str()) > 0 && field(APUS_FIELD_DESTINATION_URI) == nil)
        api.set_flag(handle, 31, 1)
        #expect(api.flag(handle, 31) > 0 && api.flag(handle, 30) < 0 && api.flag(handle, 99) < 0)
        api.set_flag(handle, 31, 0)
        #expect(api.flag(handle, 31) < 0)
        var reason = apus_str()
        #expect(api.error(handle, &reason) == 0)
        api.set_error(handle, 478, apus_str("Unresolvable"))
        #expect(api.error(handle, &reason) == 478 && reason.string == "Unresolvable")
    }

    @Test func edits() {
        var header = apus_header()
        header.size = UInt32(MemoryLayout<apus_header>.size)
        #expect(api.find(handle, apus_str("Max-Forwards"), 0, &header) > 0)
        #expect(api.remove_header(handle, &header) > 0 && api.remove_header(handle, &header) < 0)
        #expect(api.insert_before(handle, nil, apus_str("X-First: 1\r\n")) > 0)
        #expect(api.insert_after(handle, nil, apus_str("X-Last: 1\r\n")) > 0)
        #expect(api.replace(handle, 1_000_000, 1, apus_str("x")) < 0)
        let host = TestModules().modules.core.host
        let produce: LateText.Produce = { host, _, _, buffer, capacity, user in
            let text = "X-Late: \(host.module.name) \(user == nil ? "nil" : "user")\r\n"
            guard capacity >= text.utf8.count else { return 0 }
            for (index, byte) in text.utf8.enumerated() { buffer[index] = CChar(bitPattern: byte) }
            return text.utf8.count
        }
        var late = apus_late(
            size: UInt32(MemoryLayout<apus_late>.size), reserved: 0, produce: produce, copy: nil, user: nil)
        #expect(api.insert_late(host, handle, nil, &late) > 0)
        #expect(sample.message.editCount == 4)
    }

    @Test func branches() {
        let branches = HostTables.shared.branches.pointee
        var branch = apus_branch()
        branch.size = UInt32(MemoryLayout<apus_branch>.size)
        branch.q = 500
        branch.uri = apus_str("sip:one@example.net")
        branch.flags = 6
        #expect(branches.append(handle, &branch) > 0)
        branch.uri = apus_str("nonsense")
        #expect(branches.append(handle, &branch) < 0)
        #expect(branches.count(handle) == 1)
        var out = apus_branch()
        out.size = UInt32(MemoryLayout<apus_branch>.size)
        #expect(branches.get(handle, 0, &out) > 0 && out.uri.string == "sip:one@example.net")
        #expect(out.q == 500 && out.flags == 6 && out.destination.s == nil && out.path.len == 0)
        #expect(branches.get(handle, 1, &out) < 0)
        branches.set_request_q(handle, 9999)
        #expect(branches.request_q(handle) == 1000)
        #expect(branches.remove(handle, 0) > 0 && branches.count(handle) == 0 && branches.remove(handle, 0) < 0)
    }

    @Test func credentials() {
        var out = apus_credentials()
        out.size = UInt32(MemoryLayout<apus_credentials>.size)
        let digest = apus_str(#"Digest username="u", realm="r", nonce=n, uri="sip:x", response="", nc=00000001"#)
        #expect(api.parse_credentials(digest, &out) > 0)
        #expect(out.scheme.string == "Digest" && out.username.string == "u" && out.realm.string == "r")
        #expect(out.nonce.string == "n" && out.uri.string == "sip:x" && out.nc.string == "00000001")
        #expect(out.response.s != nil && out.response.len == 0 && out.qop.s == nil && out.cnonce.s == nil)
        #expect(out.params.string.hasPrefix("username="))
        #expect(api.parse_credentials(apus_str("Basic abc"), &out) > 0)
        #expect(out.scheme.string == "Basic" && out.params.string == "abc" && out.username.s == nil)
        #expect(api.parse_credentials(apus_str("Digest username"), &out) < 0)
    }
}
