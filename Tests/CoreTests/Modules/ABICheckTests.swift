import PluginAPI
import Testing

@testable import Core

@Suite struct ABICheckTests {
    /// A description as a module would have it, then changed.
    private func check(
        server: ABICheck.Version, name: String = "sample", extra: Int = 0,
        _ change: (inout apus_module) -> Void = { _ in }
    ) throws(LoadRefusal) -> ModuleDescription {
        let (label, version): (StaticString, StaticString) = ("sample", "2.1")
        var description = apus_module(
            magic: APUS_MAGIC, size: UInt32(MemoryLayout<apus_module>.size), abi_major: server.major,
            abi_minor: server.minor, flags: 0, name: label.cString, version: version.cString, summary: nil, needs: nil,
            declare: nil, start: nil, worker: nil, stop: nil)
        change(&description)
        let size = MemoryLayout<apus_module>.size
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size + extra, alignment: 16)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 0xff, count: size + extra)
        withUnsafeBytes(of: &description) { memory.copyMemory(from: $0.baseAddress!, byteCount: size) }
        if extra > 0 { memory.storeBytes(of: UInt32(size + extra), toByteOffset: 4, as: UInt32.self) }
        return try ABICheck.check(memory, file: "sample.so", name: name, server: server)
    }

    private func message(
        server: ABICheck.Version, name: String = "sample", _ change: (inout apus_module) -> Void
    ) -> String? {
        do throws(LoadRefusal) {
            _ = try check(server: server, name: name, change)
            return nil
        } catch {
            return error.message
        }
    }

    private let stable = ABICheck.Version(major: 1, minor: 3)

    @Test func aModuleOfThisVersionIsAccepted() throws {
        let description = try check(server: stable)
        #expect(description.name == "sample" && description.version == "2.1" && description.needs.isEmpty)
    }

    @Test func anOlderMinorVersionIsAcceptedFromOneOn() {
        #expect(message(server: stable) { $0.abi_minor = 2 } == nil)
        #expect(message(server: stable) { $0.abi_minor = 0 } == nil)
    }

    @Test func anOlderMinorVersionIsRefusedBeforeOne() {
        let early = ABICheck.Version(major: 0, minor: 9)
        #expect(
            message(server: early) { $0.abi_minor = 8 }
                == "`sample.so` was built for module ABI 0.8; this server has 0.9: before 1.0 minor versions must be equal"
        )
    }

    @Test func aNewerMinorVersionIsRefused() {
        #expect(
            message(server: stable) { $0.abi_minor = 4 }
                == "`sample.so` was built for module ABI 1.4; this server has 1.3: the module is newer than the server")
    }

    @Test(arguments: [UInt16(0), 2])
    func anotherMajorVersionIsRefused(major: UInt16) {
        #expect(
            message(server: stable) { $0.abi_major = major }
                == "`sample.so` was built for module ABI \(major).3; this server has 1.3: major versions must be equal")
    }

    /// The first mistake counts: a wrong magic number makes everything behind it meaningless.
    @Test func theOrderOfTheChecks() {
        func text(_ change: (inout apus_module) -> Void) -> String {
            message(server: stable, name: "other", change) ?? "accepted"
        }
        #expect(
            text {
                $0.magic = 1
                $0.size = 4
            }.contains("magic number"))
        #expect(
            text {
                $0.size = 4
                $0.abi_major = 9
            }.contains("has 4 bytes"))
        #expect(
            text {
                $0.abi_major = 9
                $0.abi_minor = 9
            }.contains("major versions"))
        #expect(text { $0.abi_minor = 9 }.contains("newer than the server"))
        #expect(text { _ in }.contains("its name is `sample`, the file's is `other`"))
    }

    @Test func aLongerDescriptionIsReadAsFarAsItIsKnown() throws {
        #expect(try check(server: stable, extra: 24).name == "sample")
    }

    @Test func needs() throws {
        let needs = try ModuleDescription.Need.parse("tm/1 dialog/12?, db-lite/1")
        #expect(needs.map(\.id) == ["tm/1", "dialog/12", "db-lite/1"])
        #expect(needs.map(\.optional) == [false, true, false])
        #expect(needs.map(\.module) == ["tm", "dialog", "db-lite"])
        for wrong in ["tm", "tm/", "/1", "tm/0", "tm/x", "tm/1/2", "tm/-1", "?"] {
            #expect(throws: Registry.Refusal.self) { try ModuleDescription.Need.parse(wrong) }
        }
    }
}
