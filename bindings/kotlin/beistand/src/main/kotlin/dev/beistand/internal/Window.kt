// Applies what the library tells of a timeline to an immutable list that shares everything that has not changed.

package dev.beistand.internal

import dev.beistand.Message
import dev.beistand.Timeline
import dev.beistand.internal.ffi.FfiDifference
import dev.beistand.internal.ffi.FfiTimelineBatch
import kotlinx.collections.immutable.PersistentList
import kotlinx.collections.immutable.persistentListOf
import kotlinx.collections.immutable.toPersistentList

internal class Window {
    private var messages: PersistentList<Message> = persistentListOf()

    /** The timeline after a batch. */
    fun after(batch: FfiTimelineBatch): Timeline {
        val differences = batch.differences
        messages = when (differences.size) {
            0 -> messages
            1 -> messages.after(differences[0])
            else -> messages.builder().also { list -> differences.forEach { list.apply(it) } }.build()
        }
        return Timeline(loaded = true, messages, batch.hasEarlier, batch.hasEarlierHere)
    }

    private fun PersistentList<Message>.after(difference: FfiDifference): PersistentList<Message> = when (difference) {
        is FfiDifference.Reset -> difference.messages.map { it.translated() }.toPersistentList()
        is FfiDifference.Insert -> add(difference.index.toInt(), difference.message.translated())
        is FfiDifference.Update -> set(difference.index.toInt(), difference.message.translated())
        is FfiDifference.Remove -> removeAt(difference.index.toInt())
    }

    private fun PersistentList.Builder<Message>.apply(difference: FfiDifference) {
        when (difference) {
            is FfiDifference.Reset -> {
                clear()
                difference.messages.forEach { add(it.translated()) }
            }
            is FfiDifference.Insert -> add(difference.index.toInt(), difference.message.translated())
            is FfiDifference.Update -> set(difference.index.toInt(), difference.message.translated())
            is FfiDifference.Remove -> removeAt(difference.index.toInt())
        }
    }
}
