import PluginKit

// Invariants: the State is written before workers start and only read by them.

/// What the module keeps for the life of the server.
struct State {
    var longest: Int64 = 4096
    var prefix = apus_str()
    var prefixMode: Int64 = 0
    /// The prefix with `prefix_mode` 1, compiled.
    var prefixFormat: OpaquePointer?
    var longFormat: Int64 = 0
    /// −1: the core's.
    var facility: CInt = -1
    /// Colours of lines by their level from −5 on, two letters each; 0: none.
    let colours: UnsafeMutablePointer<(UInt8, UInt8)>
    /// 1: colours are shown wherever the log goes.
    var forceColour: Int64 = 0
    /// Without effect.
    var autoNewline: Int64 = 0
    var methodsFilter: Int64 = -1
    /// Worker slot: what methods_filter was changed to plus 2, as the pointer's bits; null: nothing.
    var changedFilter: CInt = -1

    init() {
        colours = .allocate(capacity: levels.count)
        colours.initialize(repeating: (0, 0), count: levels.count)
    }

    /// Compiles the prefix; false with a logged reason.
    mutating func prepare(_ host: Host) -> Bool {
        if forceColour == 1 { host.pointee.log.pointee.show_colours(host) }
        guard prefixMode == 1, !prefix.isEmpty else { return true }
        prefixFormat = host.pointee.vars.pointee.compile_format(host, prefix)
        return prefixFormat != nil
    }
}

/// What `xdbg`, `xinfo` … are declared with.
struct FixedLevel {
    let state: UnsafeMutablePointer<State>
    let level: CInt
}

extension UnsafePointer<apus_call> {
    var state: UnsafeMutablePointer<State> {
        pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self)
    }
}

func write(_ call: Call) -> CInt { line(call, call.state, level: -1, text: 0) }

func writeAtLevel(_ call: Call) -> CInt { line(call, call.state, level: call.level(0), text: 1) }

func writeToFacility(_ call: Call) -> CInt {
    line(call, call.state, facility: call.facility(0), level: call.level(1), text: 2)
}

func writeAtFixedLevel(_ call: Call) -> CInt {
    let fixed = call.pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: FixedLevel.self)
    return line(call, fixed.pointee.state, level: fixed.pointee.level, text: 0)
}

func writeWithLine(_ call: Call) -> CInt { line(call, call.state, level: -1, text: 0, numbered: true) }

func writeAtLevelWithLine(_ call: Call) -> CInt {
    line(call, call.state, level: call.level(0), text: 1, numbered: true)
}

func writeToFacilityWithLine(_ call: Call) -> CInt {
    line(call, call.state, facility: call.facility(0), level: call.level(1), text: 2, numbered: true)
}

func writeDebugWithLine(_ call: Call) -> CInt { line(call, call.state, level: 3, text: 0, numbered: true) }

func writeUnlessFiltered(_ call: Call) -> CInt {
    let changed = call.host.pointee.slots.pointee.worker(call.host, call.state.pointee.changedFilter)
    let filter = changed.map { Int64(Int(bitPattern: $0)) - 2 } ?? call.state.pointee.methodsFilter
    if filter & methodBit(call.message.method) != 0 { return .true }
    return line(call, call.state, level: call.level(0), text: 1)
}

/// One line, if lines of its level are written at all: only then its variables are looked at. Always true.
private func line(
    _ call: Call, _ state: UnsafeMutablePointer<State>, facility: CInt? = nil, level: CInt, text index: Int,
    numbered: Bool = false
) -> CInt {
    let log = call.host.pointee.log.pointee
    guard log.enabled(call.host, level) > 0 else { return .true }
    guard var text = call.expand(call.argument(index).text) else {
        call.log(.error, "the text grew too long")
        return .true
    }
    let isCut = text.len > Int(state.pointee.longest)
    if isCut { text = text[0..<Int(state.pointee.longest)] }

    var prefix = state.pointee.prefix
    if let format = state.pointee.prefixFormat { prefix = call.expand(format) ?? "" }
    var whole = text
    let colours = state.pointee.colours[Int(max(levels.lowerBound, min(level, levels.upperBound)) - levels.lowerBound)]
    if isCut || numbered || !prefix.isEmpty || colours.0 != 0 {
        var file = apus_str()
        var number: UInt32 = 0
        if numbered { call.host.pointee.script.pointee.position(call, &file, &number) }
        guard var writer = call.writer(prefix.len + file.len + text.len + 40) else { return .true }
        if colours.0 != 0 { writer.add(colours: colours) }
        writer.add(prefix)
        if numbered {
            if state.pointee.longFormat == 1 {
                writer.add(file)
                writer.add(":")
            }
            writer.add(number: Int64(number))
            writer.add(": ")
        }
        if colours.0 != 0, text.hasSuffix("\n") { text = text[0..<text.len - 1] }
        writer.add(text)
        if isCut { writer.add("…") }
        if colours.0 != 0 { writer.add(colours: (UInt8(ascii: "x"), UInt8(ascii: "x"))) }
        whole = writer.text
    }
    log.script_line(call, level, facility ?? state.pointee.facility, whole)
    return .true
}

/// The bit of a method in `methods_filter`, as Kamailio's scripts count them.
private func methodBit(_ method: Int) -> Int64 {
    switch method {
    case APUS_METHOD_INVITE: 1
    case APUS_METHOD_CANCEL: 2
    case APUS_METHOD_ACK: 4
    case APUS_METHOD_BYE: 8
    case APUS_METHOD_INFO: 16
    case APUS_METHOD_REGISTER: 32
    case APUS_METHOD_SUBSCRIBE: 64
    case APUS_METHOD_NOTIFY: 128
    case APUS_METHOD_MESSAGE: 256
    case APUS_METHOD_OPTIONS: 512
    case APUS_METHOD_PRACK: 1024
    case APUS_METHOD_UPDATE: 2048
    case APUS_METHOD_REFER: 4096
    case APUS_METHOD_PUBLISH: 8192
    default: 16384
    }
}
