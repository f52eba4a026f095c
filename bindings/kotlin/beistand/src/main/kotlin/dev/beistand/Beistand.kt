// Where a client comes from.

package dev.beistand

import dev.beistand.internal.CheckedConfig
import dev.beistand.internal.NativeClient

/**
 * Makes a client. Opens no file and no connection, loads no library and starts no thread: the first call or the first
 * collector of one of its flows does.
 *
 * @throws SupportException of kind `Configuration` if something in [config] can never work.
 */
public fun Beistand(config: BeistandConfig): SupportClient = NativeClient(CheckedConfig.of(config))
