import PluginKit
import Synchronization

/// `rand_event()`
func isEvent(_ call: Call) -> CInt {
    guard let generator = Generator.own(call.host, call.state) else { return .false }
    let probability = call.state.pointee.numbers.pointee.probability.load(ordering: .relaxed)
    return generator.pointee.next() % 100 < UInt64(probability) ? .true : .false
}

/// `rand_set_prob(percent)`
func setProbability(_ call: Call) -> CInt {
    guard 0...100 ~= call.int(0) else { return call.fail("a probability is 0 to 100 percent") }
    call.state.pointee.numbers.pointee.probability.store(call.int(0), ordering: .relaxed)
    return .true
}

/// `rand_reset_prob()`
func resetProbability(_ call: Call) -> CInt {
    call.state.pointee.numbers.pointee.probability.store(call.state.pointee.initialProbability, ordering: .relaxed)
    return .true
}

/// `rand_get_prob()`
func getProbability(_ call: Call) -> CInt {
    CInt(call.state.pointee.numbers.pointee.probability.load(ordering: .relaxed))
}

/// `$RANDOM`
let randomNumber: @convention(c) (Access, UnsafeMutablePointer<apus_value>) -> CInt = { access, out in
    guard let user = access.pointee.user,
        let generator = Generator.own(access.host, user.assumingMemoryBound(to: State.self))
    else { return .false }
    out.pointee = apus_value(Int64(generator.pointee.next() >> 33))
    return .true
}
