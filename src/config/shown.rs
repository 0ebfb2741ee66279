//! The settings as `config show` has them: each with its value and the layer that gives it.

use clap::{Args as _, Command};
use serde_json::Value;

use super::{ServeArgs, Settings, layer::Layer};

/// A setting, as it is in effect.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Setting {
    /// Its key in a file of settings.
    pub(crate) key: String,
    /// Its value; `None`: it has none, which its help explains.
    pub(crate) value: Option<Value>,
    /// Where the value comes from.
    pub(crate) layer: Layer,
}

impl ServeArgs {
    /// Each setting with its value and the layer that gives it, in the order of the help. None
    /// holds a secret: certificates and keys are paths.
    pub(crate) fn shown(&self) -> anyhow::Result<Vec<Setting>> {
        let (settings, mut layers) = self.completed()?;
        let values = serde_json::to_value(settings)?;
        let declared = Settings::augment_args(Command::new(""));
        let keys = declared.get_arguments().map(|flag| flag.get_id().as_str().replace('_', "-"));
        let setting = |key: String| {
            let value = values.get(&key).filter(|value| !value.is_null()).cloned();
            let layer = layers.remove(&key).unwrap_or(Layer::Default);
            Setting { key, value, layer }
        };
        Ok(keys.map(setting).collect())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::config::tests::Alone;

    #[test]
    fn each_setting_is_shown_once_with_the_place_that_its_value_comes_from() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "# a comment\nvolume-mib = 3\nlisten = 'localhost:1'\nweb-origins = ['*']\n";
        std::fs::write(file.path(), text).unwrap();
        let mut args = Alone::try_parse_from(["serve", "--volume-mib", "2"]).unwrap().args;
        args.config = Some(file.path().to_owned());
        let shown = args.shown().unwrap();
        let of = |key: &str| {
            let mut found = shown.iter().filter(|setting| setting.key == key);
            let setting = found.next().unwrap().clone();
            assert_eq!(found.next(), None, "{key} is there twice");
            (setting.value, setting.layer)
        };
        let flag = Layer::Flag("--volume-mib".to_owned());
        assert_eq!(of("volume-mib"), (Some(2.into()), flag));
        let line = |line| Layer::File { path: file.path().to_owned(), line: Some(line) };
        assert_eq!(of("listen"), (Some("localhost:1".into()), line(3)));
        assert_eq!(of("web-origins"), (Some(vec!["*"].into()), line(4)));
        assert_eq!(of("scrub"), (Some(true.into()), Layer::Default));
        assert_eq!(of("tls-key"), (None, Layer::Default));
        let declared = Settings::augment_args(Command::new("")).get_arguments().count();
        assert_eq!(shown.len(), declared);
    }
}
