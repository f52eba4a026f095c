// Files of messages, in both directions.

package dev.beistand

import kotlinx.coroutines.flow.StateFlow
import java.io.InputStream
import java.nio.file.Path

/** Files of messages. They are sent with a [MessageDraft] or [TicketDraft]. */
public interface Attachments {
    /**
     * Where a file lies on this phone; fetched first if it does not. The path is good until room is needed: ask again rather
     * than keep it. Cancelling stops the way; what has arrived stays for the next try.
     *
     * @throws SupportException of kind `NotFound`, `Unreachable`, `Refused` (`attachment-scanning`, `attachment-blocked`) or
     *   `StorageFull`.
     */
    public suspend fun fetch(id: AttachmentId): Path

    /** Where the small picture of a photo lies, a JPEG; otherwise as [fetch]. `NotFound` also if it has none. */
    public suspend fun thumbnail(id: AttachmentId): Path

    /** How far a file has got on its way, in either direction, while it is collected. */
    public fun progress(id: AttachmentId): StateFlow<Transfer>
}

/**
 * How far a file has got.
 *
 * @property done bytes that have arrived.
 * @property total all its bytes; 0 while that is not known.
 * @property active whether it is on its way right now.
 */
public data class Transfer(public val done: Long = 0, public val total: Long = 0, public val active: Boolean = false)

/**
 * A file of a message.
 *
 * @property id which one.
 * @property name its name, to show and to save under.
 * @property mediaType what it is, as its bytes tell.
 * @property size how many bytes it has.
 * @property width pixels across, if it is a picture.
 * @property height pixels down, if it is a picture.
 * @property thumbnailWidth pixels across of its small picture, if there is one.
 * @property thumbnailHeight pixels down of its small picture, if there is one.
 * @property state where it is.
 */
public data class Attachment(
    public val id: AttachmentId,
    public val name: String,
    public val mediaType: String,
    public val size: Long,
    public val width: Int? = null,
    public val height: Int? = null,
    public val thumbnailWidth: Int? = null,
    public val thumbnailHeight: Int? = null,
    public val state: AttachmentState,
) {
    /** Without its name. */
    override fun toString(): String = "Attachment(id=${id.value}, mediaType=$mediaType, size=$size, state=$state)"
}

/** Where a file is. */
public enum class AttachmentState {
    /** Safe on this phone; leaves before its message does. */
    Waiting,

    /** On its way right now; see [Attachments.progress]. */
    Uploading,

    /** On this phone, and at the server unless its message still waits. */
    Here,

    /** At the server only: to be fetched. */
    Remote,

    /** At the server, and its virus scan has not ended. */
    Scanning,

    /** The virus scan has found something: it cannot be had. */
    Blocked,
}

/**
 * A file that is to be sent. Its bytes are copied before the call returns that takes it. From a photo, what its camera
 * wrote about the place is removed, unless it is to be kept.
 */
public class AttachmentSource private constructor(
    internal val path: Path?,
    internal val bytes: ByteArray?,
    internal val stream: (() -> InputStream)?,
    internal val name: String?,
    internal val keepLocation: Boolean,
) {
    /** How a source is made. */
    public companion object {
        /** A file, under its own name or [name]. */
        public fun path(path: Path, name: String? = null, keepLocation: Boolean = false): AttachmentSource =
            AttachmentSource(path, null, null, name, keepLocation)

        /** A file by its path as text, under its own name or [name]. */
        public fun path(path: String, name: String? = null, keepLocation: Boolean = false): AttachmentSource =
            path(java.nio.file.Paths.get(path), name, keepLocation)

        /** Bytes, for something small. They are not copied before the source is used: leave them as they are. */
        public fun bytes(bytes: ByteArray, name: String, keepLocation: Boolean = false): AttachmentSource =
            AttachmentSource(null, bytes, null, name, keepLocation)

        /**
         * What a stream brings until its end, as behind a content URI. [open] is called once, on a thread for such work; the
         * stream is closed. What either throws becomes a [SupportException] of kind `Unreadable`.
         */
        public fun stream(name: String, keepLocation: Boolean = false, open: () -> InputStream): AttachmentSource =
            AttachmentSource(null, null, open, name, keepLocation)
    }

    /** Opens it, for a double of the client; the caller closes it. */
    public fun open(): InputStream = when {
        bytes != null -> bytes.inputStream()
        stream != null -> stream.invoke()
        else -> java.nio.file.Files.newInputStream(checkNotNull(path))
    }

    /** The name that it is shown under. */
    public val displayName: String get() = name ?: path?.fileName?.toString().orEmpty()
}
