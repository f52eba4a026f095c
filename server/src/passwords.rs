//! Passwords: argon2id on a blocking thread, a few at a time, and the same work for a name that does not exist, so that
//! the time of an answer tells nothing.

use argon2::{
    Argon2, PasswordHasher as _, PasswordVerifier as _,
    password_hash::{PasswordHash, SaltString},
};
use beistand_protocol::{Code, Problem};
use tokio::sync::Semaphore;

use crate::clock::{self, Clock};

/// Each check takes 19 MiB and some tens of milliseconds: two at a time bound both.
const AT_ONCE: usize = 2;

/// Longer passwords are refused before they cost anything.
const MOST_BYTES: usize = 1024;

/// The hash that a name without an agent is checked against. Its password is not known to anybody.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$YmVpc3RhbmQtbm9ib2R5$\
                      Y0hVmVfXy0oVnR6JcY5b1pMTo4dFuw3eVHk7S9o0mXs";

pub(crate) struct Passwords {
    turns: Semaphore,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { turns: Semaphore::new(AT_ONCE) }
    }
}

/// Hashes a password; takes tens of milliseconds of a processor.
pub(crate) fn hash(password: &str, salt: [u8; 16]) -> Result<String, String> {
    let salt = SaltString::encode_b64(&salt).map_err(|error| error.to_string())?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt).map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

fn internal(_: impl std::fmt::Display) -> Problem {
    Problem::new(Code::Internal, "the password could not be worked on")
}

impl Passwords {
    pub(crate) async fn hash(&self, password: &str, clock: &dyn Clock) -> Result<String, Problem> {
        let salt = clock::random(clock);
        let password = password.to_owned();
        let _turn = self.turns.acquire().await.map_err(internal)?;
        tokio::task::spawn_blocking(move || hash(&password, salt)).await.map_err(internal)?.map_err(internal)
    }

    /// Whether the password fits the hash; without a hash (no such agent) the same work is done for nothing.
    pub(crate) async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Problem> {
        if password.len() > MOST_BYTES {
            return Ok(false);
        }
        let exists = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
        let _turn = self.turns.acquire().await.map_err(internal)?;
        let fits = tokio::task::spawn_blocking(move || {
            PasswordHash::new(&hash)
                .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
        })
        .await
        .map_err(internal)?;
        Ok(fits && exists)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_nobody_is_a_hash_and_costs_as_much() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let real = hash("x", [1; 16]).unwrap();
        let real = PasswordHash::new(&real).unwrap();
        assert_eq!(nobody.algorithm, real.algorithm);
        assert_eq!(nobody.params.to_string(), real.params.to_string());
        assert_eq!(nobody.hash.unwrap().len(), real.hash.unwrap().len());
    }

    #[tokio::test]
    async fn only_the_right_password_fits() {
        let passwords = Passwords::default();
        let hash = hash("right", [1; 16]).unwrap();
        assert!(passwords.verify("right".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("wrong".into(), Some(hash)).await.unwrap());
        assert!(!passwords.verify("right".into(), None).await.unwrap());
    }
}
