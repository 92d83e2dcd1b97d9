/// Each worker's resolver: the worker keeps it, this room knows both.
extension Resolver {
    /// Gives a worker its resolver. On the worker's thread, before its loop runs.
    static func start(
        _ worker: UnsafeMutablePointer<Worker>, _ options: ResolverOptions = ResolverOptions()
    ) throws(ResolverError) {
        let (loop, clock) = withUnsafeMutablePointer(to: &worker.pointee.loop) { loop in
            withUnsafeMutablePointer(to: &worker.pointee.clock) { clock in (loop, clock) }
        }
        let place = ResolverPlace(
            owner: worker, loop: loop, clock: clock, wheel: worker.pointee.wheel, mailbox: worker.pointee.mailbox)
        worker.pointee.resolver = UnsafeMutableRawPointer(try make(place, options))
    }

    /// The resolver of a worker that has one.
    @inline(__always)
    static func of(_ worker: UnsafeMutablePointer<Worker>) -> UnsafeMutablePointer<Resolver>? {
        worker.pointee.resolver?.assumingMemoryBound(to: Resolver.self)
    }

    /// Ends a worker's resolver: nobody is called any more. On the worker's thread, or after it has ended.
    static func end(_ worker: UnsafeMutablePointer<Worker>) {
        guard let resolver = of(worker) else { return }
        worker.pointee.resolver = nil
        resolver.end()
    }
}
