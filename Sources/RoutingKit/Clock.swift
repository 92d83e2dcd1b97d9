import Glibc

/// Seconds since 1970.
public func wallSeconds() -> Int64 { Int64(time(nil)) }
