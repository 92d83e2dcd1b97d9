import Glibc
import PluginKit

/// Values of `time_mode`.
enum TimeMode {
    static var microseconds: Int64 { 1 }
    static var fraction: Int64 { 2 }
    static var local: Int64 { 3 }
    static var utc: Int64 { 4 }
}

extension Report {
    /// `timestamp=…` and what `time_mode` puts behind it.
    func addTime(_ call: Call, _ items: inout Items) {
        items.add("timestamp", call.text(number: Int64(time.tv_sec)))
        switch state.pointee.timeMode {
        case TimeMode.microseconds: items.add(state.pointee.timeExtension, call.text(number: microseconds))
        case TimeMode.fraction:
            guard var text = call.writer(24) else { return }
            text.add(number: Int64(time.tv_sec))
            text.add(".")
            text.add(number: microseconds / 1000, width: 3)
            items.add(state.pointee.timeAttribute, text.text)
        case TimeMode.local, TimeMode.utc: items.add(state.pointee.timeAttribute, calendar(call))
        default: break
        }
    }

    var microseconds: Int64 { Int64(time.tv_nsec) / 1000 }

    /// By `time_format`, as strftime.
    func calendar(_ call: Call) -> apus_str {
        let longest = 128
        var seconds = time.tv_sec
        var parts = Glibc.tm()
        let isKnown =
            state.pointee.timeMode == TimeMode.local ? localtime_r(&seconds, &parts) : gmtime_r(&seconds, &parts)
        guard isKnown != nil, let format = state.pointee.timeFormatText,
            let memory = call.host.pointee.script.pointee.allocate(call, longest)
        else { return apus_str() }
        let text = memory.bindMemory(to: CChar.self, capacity: longest)
        return apus_str(s: text, len: strftime(text, longest, format, &parts))
    }
}
