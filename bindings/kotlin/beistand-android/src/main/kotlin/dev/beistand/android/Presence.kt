// Whether the app is in front: told by the activities that have started and not stopped.

package dev.beistand.android

import android.app.Activity
import android.app.Application
import android.os.Bundle
import java.util.Collections
import java.util.WeakHashMap

/**
 * Counts activities. One that is only built anew, as on rotation, does not send the app to the background. Activities that had
 * started before this was registered are learnt of when they stop or are resumed. On the main thread only.
 */
internal class Presence(private val changed: (inFront: Boolean) -> Unit) : Application.ActivityLifecycleCallbacks {
    private val started: MutableSet<Activity> = Collections.newSetFromMap(WeakHashMap())

    override fun onActivityStarted(activity: Activity) = came(activity)

    override fun onActivityResumed(activity: Activity) = came(activity)

    override fun onActivityStopped(activity: Activity) {
        started.remove(activity)
        // Its successor starts in the same breath.
        if (started.isEmpty() && !activity.isChangingConfigurations) changed(false)
    }

    override fun onActivityCreated(activity: Activity, savedInstanceState: Bundle?) = Unit

    override fun onActivityPaused(activity: Activity) = Unit

    override fun onActivitySaveInstanceState(activity: Activity, outState: Bundle) = Unit

    override fun onActivityDestroyed(activity: Activity) = Unit

    private fun came(activity: Activity) {
        if (started.add(activity)) changed(true)
    }
}
