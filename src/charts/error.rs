//! What can go wrong.

/// A chart could not be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChartError {
    /// There is no memory for a picture of this size.
    #[error("a picture of {0} × {1} pixels cannot be made")]
    Size(u32, u32),
    /// Plotters refused to draw.
    #[error("the chart could not be drawn: {0}")]
    Drawing(String),
    /// The picture could not be encoded.
    #[error("the picture could not be encoded as PNG")]
    Encoding(#[from] png::EncodingError),
}
