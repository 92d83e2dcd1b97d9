import PluginAPI

// Invariants: see XAVP.swift.

/// `$xavp(item=>field)`, `$xavu`, `$xavi`.
extension CoreVariables {
    static func declareXAVPs(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable(
            "xavp", inner: "*", dynamic: true,
            "Values of the transaction under a name, the newest first: name, name[i], name=>field, name[i]=>field[j]."
        ) {
            $1.giveXAVP($0, .xavp)
        } set: {
            $0.setXAVP($1, .xavp)
        }
        try declare.variable(
            "xavi", inner: "*", dynamic: true, "As $xavp; the case of names does not matter."
        ) {
            $1.giveXAVP($0, .xavi)
        } set: {
            $0.setXAVP($1, .xavi)
        }
        try declare.variable(
            "xavu", inner: "*", dynamic: true, "One value of the transaction under each name: name, name=>field."
        ) {
            $1.giveXAVP($0, .xavu)
        } set: {
            $0.setXAVU($1)
        }
    }
}

extension UnsafeMutablePointer<apus_value> {
    fileprivate func giveXAVP(_ access: UnsafePointer<apus_access>, _ kind: XAVPList.Kind) -> CInt {
        guard let list = access.run.xavpList, let path = XAVPPath(access.inner) else { return -1 }
        guard let field = path.field else { return give(path.item, in: list.pointee.root(kind), access, kind) }
        guard let item = XAVPList.find(path.item, in: list.pointee.root(kind), kind), item.pointee.isList else {
            return -1
        }
        return give(field, in: item, access, kind)
    }

    private func give(
        _ step: XAVPPath.Step, in list: UnsafeMutablePointer<XAVPList.Node>, _ access: UnsafePointer<apus_access>,
        _ kind: XAVPList.Kind
    ) -> CInt {
        if step.index == .all { return giveAll(step.name, in: list, access, kind) }
        guard let node = XAVPList.find(step, in: list, kind) else { return -1 }
        return node.pointee.isList ? give(Bytes("<<xavp>>")) : give(node.pointee.value)
    }

    private func giveAll(
        _ name: Bytes, in list: UnsafeMutablePointer<XAVPList.Node>, _ access: UnsafePointer<apus_access>,
        _ kind: XAVPList.Kind
    ) -> CInt {
        let count = XAVPList.count(name, in: list, kind)
        guard count > 0 else { return -1 }
        return withUnsafeTemporaryAllocation(of: Bytes.self, capacity: count) { texts in
            var index = 0
            var next = list.pointee.fields
            while let node = next, index < count {
                if XAVPList.matches(node, name, kind) {
                    let text = node.pointee.isList ? Bytes("<<xavp>>") : access.run.text(of: node.pointee.value)?.bytes
                    (texts.baseAddress! + index).initialize(to: text ?? .empty)
                    index += 1
                }
                next = node.pointee.next
            }
            return give(access.run.joined(count, separator: ", ") { texts[$0] })
        }
    }
}

extension UnsafePointer<apus_access> {
    /// How many items, or fields of an item, have the name of a path.
    func countXAVPs(_ inner: Bytes, _ kind: XAVPList.Kind) -> Int {
        guard let list = run.xavpList, let path = XAVPPath(inner) else { return 0 }
        guard let field = path.field else { return XAVPList.count(path.item.name, in: list.pointee.root(kind), kind) }
        guard let item = XAVPList.find(path.item, in: list.pointee.root(kind), kind), item.pointee.isList else {
            return 0
        }
        return XAVPList.count(field.name, in: item, kind)
    }

    fileprivate func setXAVP(_ value: UnsafePointer<apus_value>, _ kind: XAVPList.Kind) -> CInt {
        guard let path = XAVPPath(inner) else { return -1 }
        if value.pointee.isNull { return removeXAVP(path, kind) }
        guard let list = run.madeXAVPList else { return -1 }
        guard let field = path.field else { return setItem(path.item, value, list, kind) }
        if path.item.index == .none {
            return list.pointee.addList(path.item.name, field: field.name, value.pointee, to: list.pointee.root(kind))
                ? 1 : -1
        }
        guard let item = XAVPList.find(path.item, in: list.pointee.root(kind), kind), item.pointee.isList else {
            run.logAtStatement(.warning, "there is no such item, nothing is assigned: ", inner)
            return 1
        }
        switch field.index {
        case .none: return list.pointee.add(field.name, value.pointee, to: item) == nil ? -1 : 1
        case .all:
            list.pointee.remove(field, from: item, kind)
            return list.pointee.add(field.name, value.pointee, to: item) == nil ? -1 : 1
        case .number:
            guard let node = XAVPList.find(field, in: item, kind) else {
                run.logAtStatement(.warning, "there is no such field, nothing is assigned: ", inner)
                return 1
            }
            return list.pointee.store(value.pointee, in: node) ? 1 : -1
        }
    }

    private func setItem(
        _ step: XAVPPath.Step, _ value: UnsafePointer<apus_value>, _ list: UnsafeMutablePointer<XAVPList>,
        _ kind: XAVPList.Kind
    ) -> CInt {
        switch step.index {
        case .none: break
        case .all: list.pointee.remove(step, from: list.pointee.root(kind), kind)
        case .number:
            guard let node = XAVPList.find(step, in: list.pointee.root(kind), kind) else {
                run.logAtStatement(.warning, "there is no such item, nothing is assigned: ", inner)
                return 1
            }
            return list.pointee.store(value.pointee, in: node) ? 1 : -1
        }
        return list.pointee.add(step.name, value.pointee, to: list.pointee.root(kind)) == nil ? -1 : 1
    }

    /// What is not there is removed already.
    private func removeXAVP(_ path: XAVPPath, _ kind: XAVPList.Kind) -> CInt {
        guard let list = run.xavpList else { return 1 }
        guard let field = path.field else {
            list.pointee.remove(path.item, from: list.pointee.root(kind), kind)
            return 1
        }
        if let item = XAVPList.find(path.item, in: list.pointee.root(kind), kind), item.pointee.isList {
            list.pointee.remove(field, from: item, kind)
        }
        return 1
    }

    /// One value under a name: it is set or replaced.
    fileprivate func setXAVU(_ value: UnsafePointer<apus_value>) -> CInt {
        guard let path = XAVPPath(inner), path.item.index == .none,
            (path.field?.index ?? XAVPPath.Index.none) == XAVPPath.Index.none
        else {
            return -1
        }
        if value.pointee.isNull { return removeXAVP(path, .xavu) }
        guard let list = run.madeXAVPList else { return -1 }
        let item = XAVPList.find(path.item, in: list.pointee.root(.xavu), .xavu)
        guard let field = path.field else {
            if let item { return list.pointee.store(value.pointee, in: item) ? 1 : -1 }
            return list.pointee.add(path.item.name, value.pointee, to: list.pointee.root(.xavu)) == nil ? -1 : 1
        }
        guard let item else {
            return list.pointee.addList(path.item.name, field: field.name, value.pointee, to: list.pointee.root(.xavu))
                ? 1 : -1
        }
        if item.pointee.isList, let node = XAVPList.find(field, in: item, .xavu) {
            return list.pointee.store(value.pointee, in: node) ? 1 : -1
        }
        item.pointee.isList = true
        return list.pointee.add(field.name, value.pointee, to: item) == nil ? -1 : 1
    }
}
