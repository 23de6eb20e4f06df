//! What the table of keys expands to: the reader's view, the writer's options, and how one becomes
//! the other.

macro_rules! required {
    (required) => {
        true
    };
    (optional) => {
        false
    };
}

macro_rules! run_configuration {
    (
        numbers { $(
            $(#[$number_doc:meta])*
            $number_key:literal $number_name:literal $number:ident: $type:ty = $default:expr,
            $number_required:ident $(, setting $number_setting:literal $number_place:ident)?;
        )* }
        texts { $(
            $(#[$text_doc:meta])*
            $text_key:literal $text_name:literal $text:ident: $text_rule:ty,
            $text_required:ident $(, setting $text_setting:literal $text_place:ident)?;
        )* }
        lists { $(
            $(#[$list_doc:meta])*
            $list_key:literal $list_name:literal $list:ident: $item:ty,
            $list_required:ident $(, setting $list_setting:literal $list_place:ident)?;
        )* }
        reserved { $( $reserved_key:literal $reserved_name:literal )* }
    ) => {
        /// How to start the interpreter and what to run. Scalars are read once; lists are walked in
        /// place. Keys the blob leaves out have the default named at each field: `python -I`
        /// without `site`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct RunConfig<'a> {
            /// What to run, by the three keys for it. Default: nothing, act as an interpreter.
            pub entry: $crate::config::Entry<'a>,
            $( $(#[$number_doc])* pub $number: $type, )*
            $( $(#[$text_doc])* pub $text: Option<&'a str>, )*
            pub(super) bytes: &'a [u8],
        }

        impl<'a> RunConfig<'a> {
            /// What a section without keys means.
            pub(super) fn new(bytes: &'a [u8]) -> Self {
                Self {
                    entry: $crate::config::Entry::None,
                    $( $number: $default, )*
                    $( $text: None, )*
                    bytes,
                }
            }

            $(
                $(#[$list_doc])*
                pub fn $list(&self) -> impl Iterator<
                    Item = <$item as $crate::config::value::Item>::Seen<'a>
                > + use<'a> {
                    // `read` has read them all: nothing is dropped here.
                    self.list($list_key)
                        .filter_map(<$item as $crate::config::value::Item>::read)
                }
            )*

            /// Takes a value that has its key's shape.
            pub(super) fn set(
                &mut self,
                record: &$crate::config::keys::Record<'a>,
            ) -> Result<(), $crate::Error> {
                use $crate::config::value::{Item, Number};
                match record.number {
                    $( $number_key => self.$number = Number::read(record.number_value()), )*
                    $( $text_key => {
                        let text = <$text_rule as Item>::read(record.text());
                        let text = text.ok_or_else(|| record.fail(<$text_rule as Item>::RULE))?;
                        self.$text = Some(text);
                    } )*
                    $( $list_key => {
                        <$item as Item>::read(record.text())
                            .ok_or_else(|| record.fail(<$item as Item>::RULE))?;
                    } )*
                    _ => {}
                }
                Ok(())
            }
        }

        /// The run configuration as a writer holds it; the owned twin of [`RunConfig`], with the
        /// same defaults.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct RunOptions {
            $( $(#[$number_doc])* pub $number: $type, )*
            $( $(#[$text_doc])* pub $text: Option<String>, )*
            $( $(#[$list_doc])* pub $list: Vec<<$item as $crate::config::value::Item>::Owned>, )*
        }

        impl Default for RunOptions {
            fn default() -> Self {
                Self {
                    $( $number: $default, )*
                    $( $text: None, )*
                    $( $list: Vec::new(), )*
                }
            }
        }

        impl From<&RunConfig<'_>> for RunOptions {
            fn from(config: &RunConfig<'_>) -> Self {
                use $crate::config::value::Item;
                Self {
                    $( $number: config.$number, )*
                    $( $text: config.$text.map(<$text_rule as Item>::own), )*
                    $( $list: config.$list().map(<$item as Item>::own).collect(), )*
                }
            }
        }

        impl RunOptions {
            /// Every key that is not at its default.
            pub(super) fn write(
                &self,
                out: &mut $crate::config::keys::Encoder,
            ) -> Result<(), $crate::WriteError> {
                use $crate::config::value::Number;
                $(
                    let default: $type = $default;
                    if self.$number != default {
                        out.number($number_key, stringify!($number), Number::number(self.$number))?;
                    }
                )*
                $(
                    if let Some(text) = &self.$text {
                        out.item::<$text_rule>($text_key, stringify!($text), text)?;
                    }
                )*
                $(
                    for item in &self.$list {
                        out.item::<$item>($list_key, stringify!($list), item)?;
                    }
                )*
                Ok(())
            }
        }

        const COUNT: usize = [
            $( $number_key, )* $( $text_key, )* $( $list_key, )*
        ].len();

        /// All keys.
        pub(super) static KEYS: [$crate::config::keys::Key; COUNT] = {
            use $crate::config::keys::{Key, Shape};
            use $crate::config::value::{Item, Number};
            [
                $( Key {
                    number: $number_key,
                    name: $number_name,
                    field: stringify!($number),
                    shape: Shape::Number(<$type as Number>::MAX),
                    required: $crate::config::macros::required!($number_required),
                    show: |record| vec![<$type as Number>::read(record.number_value()).show()],
                }, )*
                $( Key {
                    number: $text_key,
                    name: $text_name,
                    field: stringify!($text),
                    shape: Shape::Text,
                    required: $crate::config::macros::required!($text_required),
                    show: |record| <$text_rule as Item>::show(record.text()),
                }, )*
                $( Key {
                    number: $list_key,
                    name: $list_name,
                    field: stringify!($list),
                    shape: Shape::TextList,
                    required: $crate::config::macros::required!($list_required),
                    show: |record| <$item as Item>::show(record.text()),
                }, )*
            ]
        };

        /// Numbers that had a meaning once and never get another.
        #[cfg(test)]
        pub(super) const RESERVED: [(u16, &str); [$( $reserved_key ),*].len()] =
            [$( ($reserved_key, $reserved_name) ),*];

        /// The keys that are settings of the interpreter, in the order of their numbers.
        #[must_use]
        pub fn settings() -> Vec<$crate::config::Setting> {
            use $crate::config::{Setting, SettingField};
            let mut all: Vec<(u16, Setting)> = vec![
                $( $( ($number_key, Setting {
                    name: $number_setting,
                    field: SettingField::$number_place(|run| &mut run.$number),
                }), )? )*
                $( $( ($text_key, Setting {
                    name: $text_setting,
                    field: SettingField::$text_place(|run| &mut run.$text),
                }), )? )*
                $( $( ($list_key, Setting {
                    name: $list_setting,
                    field: SettingField::$list_place(|run| &mut run.$list),
                }), )? )*
            ];
            all.sort_by_key(|(number, _)| *number);
            all.into_iter().map(|(_, setting)| setting).collect()
        }
    };
}

pub(super) use {required, run_configuration};
