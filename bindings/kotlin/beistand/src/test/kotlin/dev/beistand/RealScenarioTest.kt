// The scenarios of the project against the native library and the real server. The fake runs the same ones.

package dev.beistand

import dev.beistand.scenarios.RealStage
import dev.beistand.scenarios.Scenario
import dev.beistand.scenarios.World
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory
import java.nio.file.Path
import kotlin.test.assertTrue

class RealScenarioTest {
    @TestFactory
    fun `the library does what the scenarios tell`(): List<DynamicTest> {
        val all = Scenario.all(Path.of(System.getProperty("beistand.scenarios")))
        assertTrue(all.size >= MINIMUM, "only ${all.size} scenarios were found")
        return all.map { scenario ->
            DynamicTest.dynamicTest(scenario.name) {
                World().use { world -> runBlocking(Dispatchers.Default) { scenario.run(RealStage(world)) } }
            }
        }
    }

    private companion object {
        const val MINIMUM = 17
    }
}
