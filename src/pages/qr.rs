//! QR codes as drawings inside a page.

use std::fmt::Write;

use qrcodegen_no_heap::{QrCode, QrCodeEcc, Version};
use zeroize::Zeroizing;

/// The smallest QR code that holds a kit's code at the highest error correction.
const QR_VERSION: Version = Version::new(6);
/// The white border that readers of QR codes need, in modules.
pub(super) const QUIET: i32 = 4;

/// A text that is too long for the QR code of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the code does not fit its QR code")]
pub struct TooLong;

/// Draws the QR code of `code` and of nothing else.
///
/// # Errors
/// If the code is longer than any kit's.
pub fn svg(code: &str) -> Result<Zeroizing<String>, TooLong> {
    let buffer = || Zeroizing::new(vec![0; QR_VERSION.buffer_len()]);
    let (mut temporary, mut out) = (buffer(), buffer());
    // Upper case, digits and hyphens are QR's alphanumeric mode. Paper is folded and stained: a third of it may go.
    let drawn =
        QrCode::encode_text(code, &mut temporary, &mut out, QrCodeEcc::High, Version::MIN, QR_VERSION, None, false)
            .map_err(|_| TooLong)?;
    let side = drawn.size() + 2 * QUIET;
    // A row has at most one dark run for every two modules, and 20 bytes are more than one takes.
    let runs = usize::try_from(drawn.size() * (drawn.size() + 1) / 2).unwrap_or_default();
    let mut svg = Zeroizing::new(String::with_capacity(256 + runs * 20));
    // A string takes whatever is written to it.
    let _ = write!(
        svg,
        "<svg viewBox=\"0 0 {side} {side}\" role=\"img\" aria-label=\"QR code of the recovery code\" \
         shape-rendering=\"crispEdges\"><path fill=\"#000\" d=\""
    );
    for y in 0..drawn.size() {
        let mut x = 0;
        while x < drawn.size() {
            let run = (x..drawn.size()).take_while(|x| drawn.get_module(*x, y)).count() as i32;
            if run > 0 {
                let _ = write!(svg, "M{} {}h{run}v1h-{run}z", x + QUIET, y + QUIET);
            }
            x += run + 1;
        }
    }
    svg.push_str("\"/></svg>");
    Ok(svg)
}
