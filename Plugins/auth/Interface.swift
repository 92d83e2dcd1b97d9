import DigestKit
import PluginKit

// Invariants: the table lives for ever. Its functions are called on workers, by this module and others, with a host, a message and a check that stay
// until they return.

/// `auth_api`, what other modules see of auth.
func makeInterface() -> UnsafeMutablePointer<auth_api> {
    permanent(
        auth_api(
            size: UInt32(MemoryLayout<auth_api>.size),
            pre_auth: { host, message, check in
                guard let state = State.shared else { return CInt(AUTH_ERROR) }
                return state.begin(host, Message(handle: message, api: host.pointee.message), check)
            },
            check_response: { host, check, secret, kind in
                guard let state = State.shared else { return CInt(AUTH_ERROR) }
                return state.compare(host, check, secret, kind)
            },
            check_nobody: { host, check, kind in
                guard let state = State.shared else { return CInt(AUTH_ERROR) }
                return state.compareNobody(host, check, kind)
            },
            post_auth: { host, message, check in
                guard let state = State.shared else { return CInt(AUTH_ERROR) }
                return state.end(host, Message(handle: message, api: host.pointee.message), check)
            },
            calc_ha1: { host, algorithm, user, realm, password, out in
                guard let state = State.shared, let algorithm = DigestAlgorithm(rawValue: algorithm) else { return 0 }
                state.hasher(host).ha1(
                    algorithm, user: user, realm: realm, password: password,
                    into: UnsafeMutableRawPointer(out).assumingMemoryBound(to: UInt8.self))
                return algorithm.digits
            },
            challenge: { host, message, kind, realm, flags, algorithms in
                guard let state = State.shared else { return -2 }
                return state.challenge(
                    host, Message(handle: message, api: host.pointee.message), Int(kind), realm, Int64(flags),
                    algorithms)
            },
            consume: { host, message in
                Message(handle: message, api: host.pointee.message).consumeCredentials() ? .true : .false
            },
            on_failure: { host, failed, user in
                guard let state = State.shared else { return .false }
                return state.pointee.failures.add(FailureListeners.Listener(host: host, failed: failed, user: user))
                    ? .true : .false
            }))
}
