import Glibc

/// Waits until a condition holds that tells nobody when it does: it is looked at again and again.
///
/// - Parameter limit: far more than it takes on a machine that is busy with other things.
/// - Returns: false when it does not hold within the limit.
func until(within limit: Duration = .seconds(20), _ condition: () throws -> Bool) rethrows -> Bool {
    let end = ContinuousClock.now + limit
    while true {
        if try condition() { return true }
        if ContinuousClock.now >= end { return false }
        poll(nil, 0, 5)
    }
}
