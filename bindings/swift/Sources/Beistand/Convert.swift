import BeistandAPI
import BeistandFFI
import Foundation

// From the words of the border to those of the public models, and back. Nothing is decided here.

extension Date {
    /// Milliseconds since 1970.
    init(_ millis: Int64) { self.init(timeIntervalSince1970: Double(millis) / 1_000) }
}

extension Duration {
    /// As the border has it. Below zero is no time at all.
    var interval: TimeInterval {
        max(0, Double(components.seconds) + Double(components.attoseconds) / 1e18)
    }
}

extension FfiConfig {
    init(_ config: BeistandConfig, folder: String) {
        self.init(
            server: config.server, appKey: config.appKey, folder: folder, platform: config.platform,
            locale: config.locale ?? Locale.preferredLanguages.first, trustedRootsPem: config.trustedRootsPem,
            requestTimeout: config.requestTimeout.interval, tokenTimeout: config.tokenTimeout.interval,
            outboxItems: UInt32(clamping: config.outboxItems),
            outboxBytes: config.outboxBytes, outboxFileBytes: config.outboxFileBytes,
            attachmentCacheBytes: config.attachmentCacheBytes, faqSeeds: config.faq.seeds.map(FfiFaqSeed.init),
            faqKey: config.faq.key, faqMaxAge: config.faq.maxAge.interval, faqCacheBytes: config.faq.cacheBytes,
            faqImageBytes: config.faq.imageBytes, faqPrefetchImages: config.faq.prefetchImages,
            faqReport: config.faq.report)
    }
}

extension FfiFaqSeed {
    init(_ seed: FaqSeed) {
        switch seed {
        case .path(let path): self = .path(path: path)
        case .bytes(let bytes): self = .bytes(bytes: bytes)
        }
    }
}

extension FfiLogLevel {
    init(_ level: SupportLogLevel) {
        switch level {
        case .error: self = .error
        case .warning: self = .warn
        case .info: self = .info
        case .debug: self = .debug
        case .trace: self = .trace
        }
    }
}

extension SupportLogLevel {
    init(_ level: FfiLogLevel) {
        switch level {
        case .error: self = .error
        case .warn: self = .warning
        case .info: self = .info
        case .debug: self = .debug
        case .trace: self = .trace
        }
    }
}

extension Connection {
    init(_ connection: FfiConnection) {
        switch connection {
        case .idle: self = .idle
        case .offline: self = .offline
        case .online: self = .online
        }
    }
}

extension SupportSettings {
    init(_ settings: FfiSettings) {
        let limits = settings.limits
        self.init(
            categories: settings.categories.map { SupportCategory(id: $0.id, label: $0.label) },
            fields: settings.fields.map(SupportField.init),
            limits: SupportLimits(
                textChars: Int(limits.textChars), subjectChars: Int(limits.subjectChars),
                fieldChars: Int(limits.fieldChars), fields: Int(limits.fields), attachments: Int(limits.attachments),
                attachmentBytes: limits.attachmentBytes),
            features: settings.features, announced: settings.announced)
    }
}

extension SupportField {
    init(_ field: FfiFieldDefinition) {
        self.init(
            key: field.key, kind: FieldKind(field.kind), label: field.label, required: field.required,
            choices: field.choices, maxChars: field.maxChars.map { Int($0) })
    }
}

extension FieldKind {
    init(_ kind: FfiFieldKind) {
        switch kind {
        case .text: self = .text
        case .number: self = .number
        case .choice: self = .choice
        case .date: self = .date
        case .flag: self = .bool
        }
    }
}

extension SupportEvent {
    init(_ event: FfiEvent) {
        switch event {
        case .databaseRecovered(let movedTo, let outboxRows, let messages):
            self = .databaseRecovered(movedTo: movedTo, outboxRows: outboxRows, messages: messages)
        case .updateRequired: self = .updateRequired
        case .unknownApp: self = .unknownApp
        case .credentialRefused: self = .credentialRefused
        case .historyChanged(let requeued): self = .historyChanged(requeued: requeued)
        case .wedged(let conversation, let code):
            self = .wedged(conversation: ConversationId(conversation), code: code)
        case .faqRefused(let code): self = .faqRefused(code: code)
        case .faqRebuilt: self = .faqRebuilt
        case .loginRefused(let code): self = .loginRefused(code: code)
        case .loginLost: self = .loginLost
        case .loginConfirmed: self = .loginConfirmed
        case .leftUnsent(let discarded): self = .leftUnsent(discarded: discarded)
        case .taskFailed(let task): self = .taskFailed(task: task)
        case .missed(let count): self = .missed(count: count)
        case .other: self = .other
        }
    }
}
