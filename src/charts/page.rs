//! What every kind of picture is drawn on: its size in pixels, how large text and strokes are, its colours.

use crate::{
    backend::Canvas,
    error::ChartError,
    layout::Scale,
    png,
    sheet::Sheet,
    theme::{Colors, Theme},
};

/// A picture, and the words for who cannot see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The PNG.
    pub png: Vec<u8>,
    /// What the picture says, in at most 1000 characters.
    pub alt: String,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

/// The largest side of a picture, in pixels.
const LARGEST: f32 = 4096.0;

/// What is asked of a picture, whatever is on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Look {
    pub(crate) theme: Theme,
    pub(crate) size: (u32, u32),
    pub(crate) density: f32,
    /// The size at which text and strokes are as large as designed.
    base: (u32, u32),
    /// Whether the height follows from what is on it.
    flows: bool,
}

impl Look {
    /// A picture of a fixed size, where nobody asks for another.
    pub(crate) fn based(width: u32, height: u32) -> Self {
        Self {
            theme: Theme::default(),
            size: (width, height),
            density: 1.0,
            base: (width, height),
            flows: false,
        }
    }

    /// A picture as high as it needs to be.
    pub(crate) fn flowing(width: u32) -> Self {
        Self {
            flows: true,
            ..Self::based(width, width / 2)
        }
    }

    /// The same as wide as `width`, where nobody asked for a size.
    pub(crate) fn widened(self, width: u32) -> Self {
        match self.flows {
            true => Self {
                size: (width, self.size.1),
                base: (width, self.base.1),
                ..self
            },
            false => self,
        }
    }

    pub(crate) fn resize(&mut self, width: u32, height: u32) {
        self.size = (width.clamp(640, 4096), height.clamp(320, 4096));
        self.flows = false;
    }

    pub(crate) fn densify(&mut self, factor: f32) {
        self.density = if factor.is_finite() {
            factor.clamp(0.5, 4.0)
        } else {
            1.0
        };
    }

    /// The paper of a whole picture. Text grows with the picture.
    pub(crate) fn page(&self) -> Page {
        self.page_of(self.size.1 as f32)
    }

    /// The same for one that needs so much height at full size.
    pub(crate) fn page_of(&self, needed: f32) -> Page {
        let grown = self.size.0 as f32 / self.base.0 as f32;
        let (width, height) = match self.flows {
            true => (self.size.0 as f32, needed * grown),
            false => (self.size.0 as f32, self.size.1 as f32),
        };
        let factor = self.density.min(LARGEST / width).min(LARGEST / height);
        let scale = match self.flows {
            true => grown,
            false => grown.min(height / self.base.1 as f32),
        };
        Page {
            width: (width * factor).round().max(1.0) as u32,
            height: (height * factor).round().max(1.0) as u32,
            scale: Scale(scale * factor),
            colors: self.theme.colors(),
            part: false,
        }
    }
}

/// The paper of one picture, or of one panel of a picture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) scale: Scale,
    pub(crate) colors: &'static Colors,
    /// One panel among others: a smaller title, no subtitle, a short legend.
    pub(crate) part: bool,
}

impl Page {
    pub(crate) fn sheet(&self) -> Result<Sheet, ChartError> {
        let canvas = Canvas::new(self.width, self.height, self.colors.ground)
            .ok_or(ChartError::Size(self.width, self.height))?;
        Ok(Sheet {
            canvas,
            written: Vec::new(),
        })
    }

    pub(crate) fn px(&self, at_full_size: f32) -> f32 {
        self.scale.px(at_full_size)
    }

    /// The finished picture.
    pub(crate) fn picture(&self, sheet: &Sheet, alt: String) -> Result<Picture, ChartError> {
        Ok(Picture {
            png: png::encode(sheet.canvas.data(), self.width, self.height)?,
            alt,
            width: self.width,
            height: self.height,
        })
    }
}

/// The builder methods every kind of picture has, for a type with a field `look`, and its rendering, for one with
/// `draw_on`.
macro_rules! looks {
    ($kind:ty, $size:literal) => {
        impl $kind {
            /// Dark (the default) or light.
            #[must_use]
            pub fn theme(mut self, theme: $crate::theme::Theme) -> Self {
                self.look.theme = theme;
                self
            }

            #[doc = concat!("The picture's size in pixels, ", $size, " if not given; kept between 640 × 320 and 4096 × 4096.")]
            #[must_use]
            pub fn size(mut self, width: u32, height: u32) -> Self {
                self.look.resize(width, height);
                self
            }

            /// Everything larger by this factor (0.5 to 4; 1 if not given), for a screen of more pixels: the same picture
            /// with finer detail. No side becomes longer than 4096 pixels.
            #[must_use]
            pub fn density(mut self, factor: f32) -> Self {
                self.look.densify(factor);
                self
            }

            /// Draws it.
            ///
            /// # Errors
            ///
            /// When the picture cannot be allocated, drawn or encoded. No data is no error: the picture says so.
            pub fn render(&self) -> Result<$crate::page::Picture, $crate::error::ChartError> {
                let page = self.page();
                let (sheet, alt) = self.draw_on(&page)?;
                page.picture(&sheet, alt)
            }
        }
    };
}
pub(crate) use looks;
