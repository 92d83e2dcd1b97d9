import PluginAPI

// Invariants: a table is read in `declare`, on the main thread; the module's settings lie at one address for ever.

/// One row of a module's table of parameters: its name, where its value goes, its default, its range, whether it may change while the server
/// runs, and a sentence. The table is the one place that says these things:
///
///     let parameters: [Parameter<Settings>] = [
///         .flag("relay_100", \.relay100, 0, .whileRunning, doc: "1: a 100 that matches no transaction is forwarded."),
///         .number("default_code", \.defaultCode, 500, 400...699, doc: "Status code of a reply without one."),
///     ]
///     host.declare(parameters, in: settings, changed: take)
public struct Parameter<Settings> {
    /// When its value may change.
    public enum Time: Sendable {
        /// By `modparam` alone.
        case atStart
        /// By commands, too.
        case whileRunning
    }

    /// Names it: the host, the module's settings, and what a worker does with a change.
    public typealias Declare = (Host, UnsafeMutablePointer<Settings>, ParameterChange?) -> Void

    fileprivate let declare: Declare

    /// A row of a kind that a module has for itself.
    public init(_ declare: @escaping Declare) { self.declare = declare }

    public static func number(
        _ name: StaticString, _ path: WritableKeyPath<Settings, Int64>, _ initial: Int64, _ range: ClosedRange<Int64>,
        _ time: Time = .atStart, doc: StaticString
    ) -> Parameter {
        Parameter { host, settings, changed in
            let description = ParameterDescription(name: name, kind: APUS_PARAM_INT, doc: doc, range: range)
            "\(initial)".withCString {
                host.declare(
                    description, initial: $0, into: settings.pointer(to: path),
                    changed: time == .whileRunning ? changed : nil)
            }
        }
    }

    /// 0 or 1.
    public static func flag(
        _ name: StaticString, _ path: WritableKeyPath<Settings, Int64>, _ initial: Int64, _ time: Time = .atStart,
        doc: StaticString
    ) -> Parameter {
        number(name, path, initial, 0...1, time, doc: doc)
    }

    public static func text(
        _ name: StaticString, _ path: WritableKeyPath<Settings, apus_str>, _ initial: StaticString? = nil,
        _ time: Time = .atStart, doc: StaticString
    ) -> Parameter {
        Parameter { host, settings, changed in
            let description = ParameterDescription(name: name, kind: APUS_PARAM_STRING, doc: doc)
            host.declare(
                description, initial: initial?.cString, into: settings.pointer(to: path),
                changed: time == .whileRunning ? changed : nil)
        }
    }
}

/// What is said of every parameter.
public struct ParameterDescription {
    let name: StaticString
    let kind: Int
    let flags: Int
    let doc: StaticString
    let range: ClosedRange<Int64>

    /// - Parameter kind: `APUS_PARAM_…`
    public init(name: StaticString, kind: Int, flags: Int = 0, doc: StaticString, range: ClosedRange<Int64> = 0...0) {
        self.name = name
        self.kind = kind
        self.flags = flags
        self.doc = doc
        self.range = range
    }
}

extension UnsafePointer<apus_host> {
    /// Declares a table of parameters, whose values go into `settings`.
    /// - Parameter changed: [worker] takes a change of one that may change while the server runs.
    public func declare<Settings>(
        _ parameters: [Parameter<Settings>], in settings: UnsafeMutablePointer<Settings>,
        changed: ParameterChange? = nil
    ) {
        for parameter in parameters { parameter.declare(self, settings, changed) }
    }

    /// The general form, as apus/config.h says.
    public func declare(
        _ description: ParameterDescription, initial: UnsafePointer<CChar>? = nil,
        into place: UnsafeMutableRawPointer? = nil, set: ParameterSetter? = nil, user: UnsafeMutableRawPointer? = nil,
        changed: ParameterChange? = nil, inForce: UnsafeRawPointer? = nil, changes: ClosedRange<Int64> = 0...0,
        reading: ParameterReading? = nil
    ) {
        var p = apus_parameter(
            size: UInt32(MemoryLayout<apus_parameter>.size), kind: UInt32(description.kind),
            flags: UInt32(description.flags), reserved: 0, name: description.name.cString, doc: description.doc.cString,
            initial: initial, min: description.range.lowerBound, max: description.range.upperBound, into: place,
            set: set, user: user, changed: changed, in_force: inForce, changed_min: changes.lowerBound,
            changed_max: changes.upperBound, reading: reading)
        note(pointee.config.pointee.add_parameter(self, &p))
    }
}
