/// The numbers of log levels in scripts and in `debug`: today's, and SER's, which count without a gap from -3 (alert) to 4 (debug).
enum LogScale {
    /// Today's number of a level as the script's dialect counts it.
    static func level(_ number: Int, isSER: Bool) -> Int {
        guard isSER else { return number }
        switch number {
        case ...(-3): return -5
        case -2: return -2
        case -1, 0: return -1
        default: return number - 1
        }
    }
}
