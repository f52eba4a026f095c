// What a person reads when something failed: what happened, what is safe, what they can do. German and English.

package dev.beistand

import dev.beistand.SupportErrorKind.Configuration
import dev.beistand.SupportErrorKind.Faq
import dev.beistand.SupportErrorKind.FolderInUse
import dev.beistand.SupportErrorKind.Internal
import dev.beistand.SupportErrorKind.InvalidInput
import dev.beistand.SupportErrorKind.LibraryMissing
import dev.beistand.SupportErrorKind.LocationRemains
import dev.beistand.SupportErrorKind.LoginFailed
import dev.beistand.SupportErrorKind.NotFound
import dev.beistand.SupportErrorKind.OutboxFull
import dev.beistand.SupportErrorKind.Refused
import dev.beistand.SupportErrorKind.ShutDown
import dev.beistand.SupportErrorKind.Storage
import dev.beistand.SupportErrorKind.StorageDamaged
import dev.beistand.SupportErrorKind.StorageFull
import dev.beistand.SupportErrorKind.TooLate
import dev.beistand.SupportErrorKind.Unreachable
import dev.beistand.SupportErrorKind.Unreadable
import dev.beistand.SupportErrorKind.Unsupported

internal object ErrorTexts {
    private class Sentence(val german: String, val english: String)

    /** The codes that a person can do something about, whatever kind carries them. */
    private val byCode = mapOf(
        "text-empty" to Sentence("Bitte schreiben Sie etwas.", "Please write something."),
        "text-too-long" to Sentence(
            "Der Text ist zu lang. Bitte kürzen Sie ihn oder hängen Sie ihn als Datei an.",
            "The text is too long. Please shorten it or attach it as a file.",
        ),
        "text-invalid" to Sentence(
            "Der Text enthält Zeichen, die nicht übertragen werden können.",
            "The text has characters that cannot be sent.",
        ),
        "field-required" to Sentence("Ein Pflichtfeld ist noch leer.", "A required field is still empty."),
        "field-invalid" to Sentence("Eine Angabe passt nicht in ihr Feld.", "A value does not fit its field."),
        "attachment-too-large" to Sentence("Die Datei ist zu groß.", "The file is too large."),
        "attachment-empty" to Sentence("Die Datei ist leer.", "The file is empty."),
        "attachment-type" to Sentence("Dateien dieser Art können nicht gesendet werden.", "Files of this kind cannot be sent."),
        "attachment-image" to Sentence("Das Foto ist zu groß oder kann nicht gelesen werden.", "The photo is too large or cannot be read."),
        "too-many-attachments" to Sentence(
            "Das sind zu viele Dateien für eine Nachricht. Bitte senden Sie mehrere Nachrichten.",
            "These are too many files for one message. Please send several messages.",
        ),
        "attachment-scanning" to Sentence(
            "Die Datei wird noch auf Viren geprüft. Bitte versuchen Sie es gleich noch einmal.",
            "The file is still being checked for viruses. Please try again in a moment.",
        ),
        "attachment-blocked" to Sentence(
            "Die Datei wurde vom Virenschutz gesperrt.",
            "The file was blocked by the virus scan.",
        ),
        "rate-limited" to Sentence(
            "Das waren sehr viele Anfragen auf einmal. Bitte warten Sie einen Moment.",
            "Those were very many requests at once. Please wait a moment.",
        ),
        "update-required" to Sentence(
            "Bitte aktualisieren Sie die App. Was Sie geschrieben haben, ist gespeichert.",
            "Please update the app. What you have written is saved.",
        ),
    )

    fun of(kind: SupportErrorKind, code: String, german: Boolean): String {
        val sentence = byCode[code] ?: ofKind(kind)
        return if (german) sentence.german else sentence.english
    }

    private fun ofKind(kind: SupportErrorKind): Sentence = when (kind) {
        InvalidInput -> Sentence(
            "Das kann so nicht gesendet werden. Bitte prüfen Sie Ihre Eingabe.",
            "This cannot be sent as it is. Please check what you have entered.",
        )
        NotFound -> Sentence("Das gibt es hier nicht mehr.", "This is not here any more.")
        TooLate -> Sentence("Das lässt sich nicht mehr ändern.", "This cannot be changed any more.")
        OutboxFull -> Sentence(
            "Es warten schon sehr viele Nachrichten. Sobald wieder Netz da ist, geht es weiter.",
            "Very many messages are waiting already. It goes on as soon as there is a connection.",
        )
        StorageFull -> Sentence(
            "Der Speicher dieses Geräts ist voll. Bitte schaffen Sie etwas Platz und versuchen Sie es noch einmal.",
            "This device is out of storage. Please make some room and try again.",
        )
        Storage -> Sentence(
            "Das konnte nicht gespeichert werden. Bitte versuchen Sie es noch einmal.",
            "This could not be saved. Please try again.",
        )
        StorageDamaged -> Sentence(
            "Gespeicherte Daten waren beschädigt und wurden wiederhergestellt. Bitte versuchen Sie es noch einmal.",
            "Stored data was damaged and has been restored. Please try again.",
        )
        Unreadable -> Sentence(
            "Die Datei kann nicht gelesen werden. Bitte wählen Sie sie noch einmal aus.",
            "The file cannot be read. Please choose it again.",
        )
        LocationRemains -> Sentence(
            "Aus diesem Foto lässt sich der Aufnahmeort nicht entfernen. Es wurde nicht gesendet.",
            "The place where this photo was taken cannot be removed from it. It was not sent.",
        )
        ShutDown -> Sentence(
            "Die Verbindung zum Kundendienst ist beendet. Was Sie geschrieben haben, ist gespeichert.",
            "The connection to support has ended. What you have written is saved.",
        )
        Unreachable -> Sentence(
            "Keine Verbindung. Was Sie geschrieben haben, ist gespeichert und wird von selbst gesendet.",
            "No connection. What you have written is saved and will be sent by itself.",
        )
        Refused -> Sentence(
            "Das wurde nicht angenommen. Was Sie geschrieben haben, ist noch da.",
            "This was not accepted. What you have written is still here.",
        )
        LoginFailed -> Sentence(
            "Die Anmeldung ist nicht gelungen. Sie können auch ohne sie schreiben.",
            "Signing in did not work. You can write without it as well.",
        )
        Faq -> Sentence(
            "Die Hilfeartikel konnten nicht aktualisiert werden. Die bisherigen sind noch da.",
            "The help articles could not be updated. The ones from before are still here.",
        )
        Unsupported -> Sentence("Das kann diese App nicht.", "This app cannot do that.")
        FolderInUse, Configuration, LibraryMissing, Internal -> Sentence(
            "Der Kundendienst steht in dieser App gerade nicht zur Verfügung.",
            "Support is not available in this app right now.",
        )
    }
}
