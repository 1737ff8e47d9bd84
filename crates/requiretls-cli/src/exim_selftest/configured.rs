//! What has Exim read?

use super::exim::{Exim, Options};
use super::order::Routers;
use super::shipped::{self, Macros};

/// The parts of a configuration that the shipped files are about, as Exim prints them.
pub(super) struct Configured {
    pub(super) macros: Macros,
    pub(super) main: Options,
    pub(super) routers: Routers,
    transports: Vec<(String, Options)>,
    /// In their order.
    pub(super) authenticators: Vec<(String, Options)>,
}

impl Configured {
    /// Asks Exim.
    pub(super) fn ask(exim: &Exim) -> Result<Self, String> {
        let mut macros = exim.macros()?;
        macros.retain(|name, _| name.starts_with("REQUIRETLS_"));
        let main = shipped::main_options();
        let main: Vec<&str> = main.iter().map(String::as_str).collect();
        Ok(Self {
            macros,
            main: exim.main_options(&main)?,
            routers: Routers::new(exim.drivers("router")?),
            transports: exim.drivers("transport")?,
            authenticators: exim.drivers("authenticator")?,
        })
    }

    /// The options of a driver, where there is one of this kind and name.
    pub(super) fn driver(&self, kind: &str, name: &str) -> Option<&Options> {
        let drivers = match kind {
            "router" => self.routers.all(),
            "transport" => &self.transports,
            _ => &self.authenticators,
        };
        let found = drivers.iter().find(|(found, _)| found == name);
        found.map(|(_, options)| options)
    }

    /// A macro's value; nothing where it is not defined.
    pub(super) fn value(&self, name: &str) -> &str {
        self.macros.get(name).map_or("", String::as_str)
    }
}
