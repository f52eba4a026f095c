//! Android's own verdict on certificates needs a context of the app: the Kotlin façade hands it over once, before the first
//! request. Java finds the function by its name.

#![allow(unsafe_code, reason = "a name without mangling is how Java finds a function")]

use jni::EnvUnowned;
use jni::errors::ThrowRuntimeExAndDefault;
use jni::objects::{JClass, JObject};
use jni::sys::jboolean;

/// `dev.beistand.internal.AndroidTrust.begin(context: Context): Boolean`, a static native method. May be called again.
#[unsafe(no_mangle)]
pub extern "system" fn Java_dev_beistand_internal_AndroidTrust_begin<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    context: JObject<'local>,
) -> jboolean {
    let began = env.with_env(|env| -> jni::errors::Result<bool> {
        rustls_platform_verifier::android::init_with_env(env, context)?;
        Ok(true)
    });
    began.resolve::<ThrowRuntimeExAndDefault>()
}
