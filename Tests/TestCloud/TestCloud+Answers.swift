// SPDX-License-Identifier: Apache-2.0

import JSON
import OCIServices

extension TestCloud {
    /// Does what a request asks for.
    func perform(_ request: CloudRequest) -> CloudAnswer {
        switch request.operation {
        case .putObject, .getObject, .listObjects, .deleteObject, .batchDeleteObjects:
            hasBucket ? storage(request) : .error(404, "BucketNotFound")
        default: compute(request)
        }
    }

    private func compute(_ request: CloudRequest) -> CloudAnswer {
        switch request.operation {
        case .createContainerInstance: return create(request)
        case .listContainerInstances: return list(request)
        case .listContainerInstanceShapes:
            return items(shapes.map { .strings([("name", $0)]) })
        default: break
        }
        let owner = { (record: CloudInstance) in
            [record.id, record.containerID, record.workRequestID].contains(request.resource)
        }
        guard let index = records.firstIndex(where: owner) else {
            return .error(404, "NotAuthorizedOrNotFound")
        }
        let record = records[index]
        switch request.operation {
        case .deleteContainerInstance:
            if record.state == .deleted { return .error(404, "NotAuthorizedOrNotFound") }
            if record.state == .deleting { return .error(409, "IncorrectState") }
            records[index].state = stateAfterDeletion
            return CloudAnswer(204)
        case .getContainer: return CloudAnswer(200, record.containerJSON)
        case .retrieveLogs:
            return record.state.isStopped
                ? .error(409, "IncorrectState") : CloudAnswer(200, bytes: Array(record.output.utf8))
        case .listWorkRequestErrors:
            return items(
                record.creationErrors.map { .strings([("code", $0.code), ("message", $0.message)]) }
            )
        default: return CloudAnswer(200, record.json)
        }
    }

    private func items(_ values: [JSON], nextPage: String? = nil) -> CloudAnswer {
        CloudAnswer(
            200,
            fields: nextPage.map { [(name: "opc-next-page", value: $0)] } ?? [],
            .object(present: [("items", .array(values))])
        )
    }

    private func create(_ request: CloudRequest) -> CloudAnswer {
        let token = request.fields["opc-retry-token"]
        if let known = records.first(where: { token != nil && $0.launch.token == token }) {
            guard known.launch.body == request.body else { return .error(409, "InvalidatedRetryToken") }
            return CloudAnswer(200, fields: [("opc-work-request-id", known.workRequestID)], known.json)
        }
        let id = "ocid1.instance.\(records.count + 1)"
        guard let made = try? CloudInstance(id: id, state: firstState, request) else {
            return .error(400, "InvalidParameter")
        }
        records.append(made)
        return CloudAnswer(200, fields: [("opc-work-request-id", made.workRequestID)], made.json)
    }

    /// Newest first, all states or the one that is asked for; a page's token is the count of the items before it.
    private func list(_ request: CloudRequest) -> CloudAnswer {
        let start = request.query["page"].flatMap { Int($0) } ?? 0
        let state = request.query["lifecycleState"].map { LifecycleState($0) }
        let wanted = state == nil ? records : records.filter { $0.state == state }
        let page = wanted.reversed().dropFirst(start).prefix(pageSize)
        let end = start + page.count
        return items(page.map(\.json), nextPage: end < wanted.count ? "\(end)" : nil)
    }

    private func storage(_ request: CloudRequest) -> CloudAnswer {
        switch request.operation {
        case .putObject:
            bucket[request.resource] = request.body
            return CloudAnswer(200)
        case .getObject:
            return bucket[request.resource].map { CloudAnswer(200, bytes: $0) }
                ?? .error(404, "ObjectNotFound")
        case .deleteObject:
            return bucket.removeValue(forKey: request.resource) == nil
                ? .error(404, "ObjectNotFound") : CloudAnswer(204)
        case .listObjects: return listObjects(request)
        default: return deleteBatch(request)
        }
    }

    private func listObjects(_ request: CloudRequest) -> CloudAnswer {
        let names = bucket.keys.sorted().filter {
            $0.hasPrefix(request.query["prefix"] ?? "") && $0 >= request.query["start"] ?? ""
        }
        let page = names.prefix(pageSize)
        return CloudAnswer(
            200,
            .object(present: [
                ("objects", .array(page.map { .strings([("name", $0)]) })),
                ("nextStartWith", names.dropFirst(page.count).first.map { .string($0) }),
            ])
        )
    }

    private func deleteBatch(_ request: CloudRequest) -> CloudAnswer {
        let names = request.names
        guard illegalNames.isDisjoint(with: names) else { return .error(400, "InvalidParameter") }
        let kept = names.filter { keptNames.remove($0) != nil }
        for name in names where !kept.contains(name) { bucket[name] = nil }
        let failed = kept.map {
            JSON.object(present: [
                ("objectName", .string($0)), ("statusCode", .integer(503)),
                ("errorMessage", .string("later")),
            ])
        }
        return CloudAnswer(200, .object(present: [("failed", .array(failed))]))
    }
}
