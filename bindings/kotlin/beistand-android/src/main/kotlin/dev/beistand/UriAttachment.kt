// Files that only the app may read, behind a content URI: what a picker or another app hands over.

@file:JvmName("UriAttachments")

package dev.beistand

import android.content.ContentResolver
import android.content.Context
import android.net.Uri
import android.provider.OpenableColumns
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext
import java.io.FileNotFoundException

/**
 * What stands behind a URI, under the name that its owner gives it. The bytes are read when the message is sent, before that
 * call returns; the permission to read the URI has to last until then and no longer.
 *
 * The size is not asked for: owners tell wrong ones of pictures that they convert, and the bytes are counted anyway.
 *
 * @throws SupportException of kind `Unreadable` if nothing stands there, or no longer, or the app may not read it; sending
 *   throws the same if that happens later.
 */
public suspend fun AttachmentSource.Companion.uri(context: Context, uri: Uri, keepLocation: Boolean = false): AttachmentSource {
    val resolver = context.applicationContext.contentResolver
    // Asking is a call into another process.
    val name = withContext(Dispatchers.IO) { nameOf(resolver, uri) }
    return stream(name, keepLocation) {
        resolver.openInputStream(uri) ?: throw FileNotFoundException("its owner gives nothing")
    }
}

private fun nameOf(resolver: ContentResolver, uri: Uri): String {
    if (uri.scheme != ContentResolver.SCHEME_CONTENT) return uri.lastPathSegment ?: NAMELESS
    val row = try {
        resolver.query(uri, arrayOf(OpenableColumns.DISPLAY_NAME), null, null, null)
    } catch (owner: RuntimeException) {
        // A permission that has ended, an owner that throws: whatever it is, the file cannot be had.
        throw unreadable("its owner refuses it", owner)
    }
    // No answer at all: there is no such owner, or it has just died.
    return (row ?: throw unreadable("nobody owns it", null)).use {
        if (!it.moveToFirst()) throw unreadable("it is gone", null)
        val column = it.getColumnIndex(OpenableColumns.DISPLAY_NAME)
        // A row without a name is one that can be read all the same.
        (if (column < 0) null else it.getString(column)) ?: NAMELESS
    }
}

/** For what its owner gives no name. */
private const val NAMELESS = "file"

// The URI itself stays out of it: it may hold what a person named the file.
private fun unreadable(why: String, cause: RuntimeException?): SupportException =
    SupportException(SupportErrorKind.Unreadable, "unreadable", SupportRetry.AfterChange, "the file cannot be read: $why", cause)
