// SPDX-License-Identifier: Apache-2.0

internal import SchedulerLink
internal import TaskEngine

extension Dispatcher: TaskHandler {
    func handle(_ command: TaskCommand, from worker: any TaskOrigin) -> CancelAnswer? {
        switch command {
        case .run(let task): accept(task, from: worker)
        case .cancel(let id, let isForced): return cancel(id, isForced: isForced, from: worker)
        case .forgetObjects(let ids): forget(objects: ids)
        }
        return nil
    }

    func handle(_ event: WorkerEvent, of worker: any TaskOrigin) {
        switch event {
        case .lost: disown(worker)
        case .dismissed: drop(allOf: worker)
        case .unfamiliar: hush(worker)
        }
    }

    func load(of worker: any TaskOrigin) -> WorkerLoad {
        WorkerLoad(
            unansweredCount: taskCount(of: worker),
            queuedCount: queuedCount(of: worker),
            isFull: isFull
        )
    }
}
