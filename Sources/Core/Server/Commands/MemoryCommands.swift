import CLinux

/// Memory: of the process, of each worker, of each module on each worker.
extension CoreCommands {
    func declareMemory() throws(CommandRegistry.Refusal) {
        let unit = CommandParameter("unit", .string, optional: true)
        try add(
            "core.shmmem", parameters: [unit],
            reply: "{total:int, free:int, used:int, real_used:int, max_used:int, fragments:int}",
            "The process's heap, in bytes (b), KiB (k), MiB (m) or GiB (g)."
        ) { execution in
            let units = ["": 0, "b": 0, "k": 10, "m": 20, "g": 30]
            guard let shift = units[execution.text(0)] else {
                return execution.fail(400, "bad param, (use b|k|m|g)")
            }
            let heap = linux_heap()
            let answer = execution.answer
            answer.map {
                answer.add(heap.total >> shift, key: "total")
                answer.add(heap.free >> shift, key: "free")
                answer.add(heap.used >> shift, key: "used")
                answer.add(heap.used >> shift, key: "real_used")
                answer.add(Int(HeapFigures.peak) >> shift, key: "max_used")
                answer.add(heap.fragments, key: "fragments")
            }
            return .done
        }
        try add("core.sfmalloc", reply: "none", "Figures of an allocator that is not there: always answered 501.") {
            $0.fail(501, "there is no such allocator")
        }
        try add("pkg.info", reply: "{name:string, size:int}", "The workers' allocator and its bound, in bytes.") {
            execution in
            execution.answer.map {
                execution.answer.add("slab", key: "name")
                execution.answer.add(Workers.Limits().memory, key: "size")
            }
            return .done
        }
        try declareWorkerMemory()
        try declareModuleMemory()
    }

    // MARK: - Of workers

    /// One worker's slab.
    private struct WorkerMemory {
        let worker: Int
        let used: Int
        let reserved: Int
    }

    private final class WorkerMemories: @unchecked Sendable {
        var all: [WorkerMemory] = []
    }

    private func declareWorkerMemory() throws(CommandRegistry.Refusal) {
        let view = view
        let parameters = [
            CommandParameter("by", .word(["pid", "rank", "index"]), optional: true),
            CommandParameter("number", .int, optional: true),
        ]
        try addForWorkers(
            "pkg.stats", parameters: parameters,
            reply: """
                [{entry:int, pid:int, rank:int, used:int, free:int, real_used:int, total_size:int, total_frags:int, \
                desc:string}]
                """,
            "The memory of each worker, bytes; of one with pid, rank or index and its number."
        ) { execution in
            let found = execution.context as? WorkerMemories ?? WorkerMemories()
            execution.context = found
            guard let worker = Worker.current else { return .done }
            let slab = worker.pointee.slab
            let used = (0..<Slab.classes).reduce(0) {
                let usage = slab.usage(ofClass: $1)
                return $0 + usage.inUse * usage.size
            }
            found.all.append(WorkerMemory(worker: worker.pointee.index, used: used, reserved: slab.reserved))
            return .done
        } answer: { execution in
            CoreCommands.answer(execution, ServerThread.all(view.listeners))
        }
    }

    private static func answer(_ execution: Execution, _ threads: [ServerThread]) -> Command.Outcome {
        let answer = execution.answer
        let wanted = execution.number(1)
        if !execution.text(0).isEmpty, wanted == nil { return execution.fail(400, "the number is missing") }
        answer.array {
            for memory in (execution.context as? WorkerMemories)?.all ?? [] {
                guard let entry = threads.firstIndex(where: { $0.rank == memory.worker + 1 }) else { continue }
                let thread = threads[entry]
                let numbers = ["pid": Int64(thread.id), "rank": Int64(thread.rank), "index": Int64(entry)]
                if let wanted, numbers[execution.text(0)] != wanted { continue }
                answer.map {
                    answer.add(entry, key: "entry")
                    answer.add(Int(thread.id), key: "pid")
                    answer.add(thread.rank, key: "rank")
                    answer.add(memory.used, key: "used")
                    answer.add(memory.reserved - memory.used, key: "free")
                    answer.add(memory.reserved, key: "real_used")
                    answer.add(memory.reserved, key: "total_size")
                    answer.add(0, key: "total_frags")
                    answer.add(thread.description, key: "desc")
                }
            }
        }
        return .done
    }

    // MARK: - Of modules

    private func declareModuleMemory() throws(CommandRegistry.Refusal) {
        let view = view
        let module = CommandParameter("module", .string)
        let kind = CommandParameter("kind", .word(["pkg", "shm", "all"]), optional: true)
        try add(
            "mod.stats", parameters: [module, kind], reply: "[{module:string, worker:int, pieces:int, bytes:int}]",
            "What a module, or `all`, holds of each worker's memory."
        ) { execution in
            CoreCommands.visit(execution, view) { module, uses in
                for (worker, use) in uses.enumerated() {
                    execution.answer.map {
                        execution.answer.add(module, key: "module")
                        execution.answer.add(worker, key: "worker")
                        execution.answer.add(Int(use.pieces), key: "pieces")
                        execution.answer.add(Int(use.bytes), key: "bytes")
                    }
                }
            }
        }
        for name in ["mod.mem_stats", "mod.mem_statsx"] {
            try add(
                name, parameters: [module], reply: "[{Module:string, Total:int}]",
                "Bytes of memory that a module, or `all`, holds on all workers."
            ) { execution in
                CoreCommands.visit(execution, view) { module, uses in
                    execution.answer.map {
                        execution.answer.add(module, key: "Module")
                        execution.answer.add(uses.reduce(0) { $0 + Int($1.bytes) }, key: "Total")
                    }
                }
            }
        }
    }

    /// Answers an array of what `body` adds for each module that is meant, given what it holds on each worker.
    private static func visit(
        _ execution: Execution, _ view: ServerView, _ body: (String, [(pieces: UInt64, bytes: UInt64)]) -> Void
    ) -> Command.Outcome {
        let name = execution.text(0)
        let meant = view.modules.all.filter { name == "all" || $0.name == name }
        guard !meant.isEmpty else { return execution.fail(404, "module \(name) is not loaded") }
        let shared = view.modules.shared
        execution.answer.array {
            for module in meant {
                guard let workers = shared.pointee.workers else { continue }
                let place = module.host.record.pointee.place
                body(module.name, (0..<Int(shared.pointee.workerCount)).map { workers[$0].memory[place].now })
            }
        }
        return .done
    }
}
