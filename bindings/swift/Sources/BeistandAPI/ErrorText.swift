import Foundation

// What a person reads when something fails, in German and English. It stands here and not in the Rust library, because it is
// a matter of the screen.

extension SupportError {
    /// One sentence for the person: German for a German locale, else English.
    public func text(locale: Locale = .current) -> String {
        let sentence = Self.byCode[code] ?? Self.byKind(kind)
        return locale.identifier.lowercased().hasPrefix("de") ? sentence.german : sentence.english
    }

    private struct Sentence: Sendable {
        let english: String
        let german: String

        init(_ english: String, _ german: String) {
            self.english = english
            self.german = german
        }
    }

    /// Where the kind alone would say too little.
    private static let byCode: [String: Sentence] = [
        "text-empty": Sentence("Please write something first.", "Bitte schreiben Sie zuerst etwas."),
        "text-too-long": Sentence("This text is too long.", "Dieser Text ist zu lang."),
        "field-required": Sentence("Please fill in all required fields.", "Bitte füllen Sie alle Pflichtfelder aus."),
        "attachment-too-large": Sentence("This file is too large.", "Diese Datei ist zu groß."),
        "too-many-attachments": Sentence(
            "That is too many files for one message.", "Das sind zu viele Dateien für eine Nachricht."),
        "rate-limited": Sentence(
            "That was a lot at once. Please wait a moment.", "Das war viel auf einmal. Bitte warten Sie einen Moment."),
    ]

    private static func byKind(_ kind: SupportErrorKind) -> Sentence {
        switch kind {
        case .invalidInput:
            Sentence("This cannot be sent like that.", "So kann das nicht gesendet werden.")
        case .notFound:
            Sentence("This is no longer here.", "Das gibt es hier nicht mehr.")
        case .tooLate:
            Sentence("It is too late to change this.", "Das lässt sich nicht mehr ändern.")
        case .outboxFull:
            Sentence(
                "Too much is waiting to be sent. Please try again once you are online.",
                "Es warten zu viele Nachrichten. Bitte versuchen Sie es wieder, sobald Sie online sind.")
        case .storageFull:
            Sentence("Your phone has no room left.", "Auf Ihrem Telefon ist kein Platz mehr.")
        case .storage, .storageDamaged:
            Sentence(
                "This could not be saved. Please try again.",
                "Das konnte nicht gespeichert werden. Bitte versuchen Sie es erneut.")
        case .unreadable:
            Sentence("This file cannot be read.", "Diese Datei kann nicht gelesen werden.")
        case .locationRemains:
            Sentence(
                "The place where this photo was taken could not be removed, so it was not attached.",
                "Der Aufnahmeort dieses Fotos konnte nicht entfernt werden, deshalb wurde es nicht angehängt.")
        case .unreachable:
            Sentence("There is no connection right now.", "Gerade gibt es keine Verbindung.")
        case .refused:
            Sentence("Support could not accept this.", "Der Support konnte das nicht annehmen.")
        case .loginFailed:
            Sentence("You could not be signed in.", "Die Anmeldung hat nicht geklappt.")
        case .faq:
            Sentence("This help page cannot be shown right now.", "Diese Hilfeseite kann gerade nicht gezeigt werden.")
        case .unsupported:
            Sentence("This version of the app cannot do that.", "Diese Version der App kann das nicht.")
        case .shutDown, .folderInUse, .configuration, .libraryMissing, .internal:
            Sentence("Support is not available right now.", "Der Support ist gerade nicht verfügbar.")
        }
    }
}
