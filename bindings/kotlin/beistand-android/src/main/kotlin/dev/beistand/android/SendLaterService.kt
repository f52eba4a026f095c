// What still waits when the app goes away is sent later by a job of the system, once there is a network.

package dev.beistand.android

import android.app.Application
import android.app.job.JobInfo
import android.app.job.JobParameters
import android.app.job.JobScheduler
import android.app.job.JobService
import android.content.ComponentName
import android.content.Context
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch
import java.util.concurrent.CopyOnWriteArraySet

/**
 * Started by the system, never by an app. One job serves all clients of the process; it finds those that the app has made in
 * `Application.onCreate`. Without a client nothing is lost: what waits leaves when support is used again.
 *
 * The system's own scheduler and not WorkManager: it would bring a database, a start-up provider and a dozen libraries into
 * every app for a single job. Not kept over a reboot either, which would need a permission of its own.
 */
public class SendLaterService : JobService() {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)
    private var work: Job? = null

    override fun onStartJob(params: JobParameters): Boolean {
        val clients = clients.toList()
        if (clients.isEmpty()) return false
        work = scope.launch {
            val waiting = clients.map { async { it.sendWaiting() } }.awaitAll()
            // The system tries again with growing pauses if something still waits.
            jobFinished(params, waiting.any { it })
        }
        return true
    }

    /** The network has gone, or the time is up. */
    override fun onStopJob(params: JobParameters): Boolean {
        work?.cancel()
        return true
    }

    override fun onDestroy() {
        scope.cancel()
    }

    internal companion object {
        /** Job ids are one room for all libraries of an app: "BEIS" in ASCII is nobody else's. */
        const val JOB = 0x42454953

        private val clients = CopyOnWriteArraySet<AndroidClient>()

        fun remember(client: AndroidClient) = clients.add(client)

        fun forget(client: AndroidClient) = clients.remove(client)

        /** Asks for the job; asking again replaces the one that waits. */
        fun plan(application: Application): Boolean {
            val job = JobInfo.Builder(JOB, ComponentName(application, SendLaterService::class.java))
                .setRequiredNetworkType(JobInfo.NETWORK_TYPE_ANY)
                .build()
            // An app may have taken the service or the permission out of its manifest.
            return runCatching { scheduler(application).schedule(job) == JobScheduler.RESULT_SUCCESS }.getOrDefault(false)
        }

        /** What waits leaves by itself while the app is in front. */
        fun drop(application: Application) {
            runCatching { scheduler(application).cancel(JOB) }
        }

        private fun scheduler(application: Application) =
            application.getSystemService(Context.JOB_SCHEDULER_SERVICE) as JobScheduler
    }
}
