import CLinux
import PluginAPI

/// From loaded modules to running ones and back.
extension Modules {
    // MARK: - Needs

    /// Whether each module finds the interfaces that it needs, and no circle of needs stands in the way of a start.
    /// Mistakes are told at the loadmodule lines.
    func checkNeeds() {
        for module in all {
            for need in module.description.needs where !need.optional { checkNeed(need, of: module) }
        }
        if let circle = startOrder().circle {
            let path = (circle + [circle[0]]).map { "`\($0.name)`" }.joined(separator: " needs ")
            diagnostics.error("modules need each other in a circle: \(path)", at: circle[0].statement)
        }
    }

    private func checkNeed(_ need: ModuleDescription.Need, of module: LoadedModule) {
        guard interfaces.all[need.id] == nil else { return }
        let what = "module `\(module.name)` needs \(need.id)"
        let others = interfaces.versions(of: need.id)
        if !others.isEmpty, let publisher = interfaces.all[others[0]]?.publisher {
            diagnostics.error(
                "\(what), but module `\(publisher.name)` offers \(others.joined(separator: ", "))",
                at: module.statement, hint: "use versions of both that fit each other")
        } else if let publisher = self.module(named: need.module) {
            diagnostics.error("\(what), which module `\(publisher.name)` does not offer", at: module.statement)
        } else {
            diagnostics.error(what, at: module.statement, hint: "load `\(need.module).so`, too")
        }
    }

    /// The modules with each behind those whose interfaces it needs, else in the order of the config; and a circle, if
    /// there is one, in which case the order is not to be used.
    func startOrder() -> (order: [LoadedModule], circle: [LoadedModule]?) {
        var order: [LoadedModule] = []
        var path: [LoadedModule] = []
        var circle: [LoadedModule]?
        func visit(_ module: LoadedModule) {
            if order.contains(where: { $0 === module }) { return }
            if let index = path.firstIndex(where: { $0 === module }) {
                circle = circle ?? Array(path[index...])
                return
            }
            path.append(module)
            for need in module.description.needs {
                guard let publisher = interfaces.all[need.id]?.publisher, publisher !== module else { continue }
                visit(publisher)
            }
            path.removeLast()
            order.append(module)
        }
        for module in all { visit(module) }
        return (order, circle)
    }

    // MARK: - Starting

    /// Starts all modules, each after those that it needs. When one refuses, those that have started are stopped, the
    /// reason is told at its loadmodule line, and the server must not start.
    func start() -> Bool {
        for module in startOrder().order {
            if let start = module.description.start,
                case .failed(let reasons) = module.run(.starting, { start(module.host) })
            {
                let refusal = Modules.refusal("module `\(module.name)` does not start", reasons)
                diagnostics.error(
                    refusal.message, at: module.statement, notes: refusal.notes.map { Diagnostic.Note($0) })
                stop()
                return false
            }
            started.append(module)
        }
        beginChanges()
        return true
    }

    /// Stops what has started, in reverse order. On the main thread, after the last worker has ended. A second call
    /// does nothing.
    func stop() {
        while let module = started.popLast() { module.description.stop?(module.host) }
    }

    // MARK: - Workers

    /// The listeners are open: from now on modules see them. Before `start`.
    func open(_ listeners: ListenerSet) { shared.pointee.listeners.open(listeners) }

    /// Makes room for what modules have on each worker. Once, before `start`, so that modules know how many workers
    /// there are.
    func makeWorkers(_ workers: Workers) {
        // It has a place among the modules too.
        _ = core
        let table = UnsafeMutablePointer<ModuleWorker>.allocate(capacity: workers.count)
        for index in 0..<workers.count {
            (table + index).initialize(
                to: ModuleWorker(
                    workers[index], slotCount: shared.pointee.slots.workerCount,
                    moduleCount: shared.pointee.moduleCount))
        }
        shared.pointee.workerCount = UInt32(workers.count)
        shared.pointee.workers = table
    }

    /// [worker] Before the worker takes traffic: the modules' own preparations, then their periodic timers.
    /// - Returns: false when a module refuses; it has been logged.
    func startWorker() -> Bool {
        guard let worker = shared.worker else { return false }
        let index = UInt32(worker.pointee.worker.pointee.index)
        for module in started {
            guard let prepare = module.description.worker else { continue }
            if prepare(module.host, index) < 0 {
                Log.error("module \(module.name) refuses to run on worker \(index)")
                return false
            }
        }
        for timer in shared.pointee.timers.all where timer.everywhere || index == 0 {
            _ = worker.startTimer(
                timer.host, milliseconds: timer.milliseconds, interval: timer.milliseconds, timer.tick, timer.user)
        }
        return true
    }

    /// [worker] After the worker's last message: destroys what modules keep on it.
    func endWorker() {
        guard let worker = shared.worker else { return }
        shared.pointee.slots.endWorker(worker.pointee.slots)
    }
}
