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
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        items.add("timestamp", items.number(Int64(now.tv_sec)))
        switch state.pointee.timeMode {
        case TimeMode.microseconds:
            items.add(state.pointee.timeExtension, items.number(Int64(now.tv_nsec) / 1000))
        case TimeMode.fraction:
            guard var text = call.writer(24) else { return }
            text.add(number: Int64(now.tv_sec))
            text.add(".")
            text.add(number: Int64(now.tv_nsec) / 1_000_000, width: 3)
            items.add(state.pointee.timeAttribute, text.text)
        case TimeMode.local, TimeMode.utc: items.add(state.pointee.timeAttribute, calendar(call, now.tv_sec))
        default: break
        }
    }

    /// By `time_format`, as strftime.
    private func calendar(_ call: Call, _ seconds: time_t) -> apus_str {
        let longest = 128
        var seconds = seconds
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
