// A state that is current while somebody collects it, as those of the real client are: read anew after whatever happened.

package dev.beistand.testing

import kotlinx.coroutines.ExperimentalForInheritanceCoroutinesApi
import kotlinx.coroutines.flow.FlowCollector
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow

@OptIn(ExperimentalForInheritanceCoroutinesApi::class)
internal class Look<T>(
    private val world: World,
    private val initial: T,
    /** Whether whoever collects looks at conversations: then the phone listens to its server. */
    private val listens: Boolean,
    private val read: () -> T,
) : StateFlow<T> {
    private val state = MutableStateFlow(initial)
    private var collectors = 0

    val collected: Boolean get() = world.look { collectors > 0 }

    /** Whose the last value is: what was kept for one person is not shown to the next. */
    private var whose = 0L

    override val value: T get() = world.look { if (listens && collectors == 0 && whose != world.phone.persons) initial else state.value }
    override val replayCache: List<T> get() = listOf(value)

    override suspend fun collect(collector: FlowCollector<T>): Nothing {
        world.act {
            if (collectors++ == 0) world.looks.add(this)
            if (listens) {
                world.phone.used = true
                world.phone.lookers++
            }
        }
        try {
            state.collect(collector)
        } finally {
            world.act {
                if (--collectors == 0) {
                    world.looks.remove(this)
                    whose = world.phone.persons
                }
                if (listens) world.phone.lookers--
            }
        }
    }

    /** Reads it anew, where somebody looks or the client itself has changed it. */
    fun refresh(world: World) {
        state.value = world.look(read)
    }
}
