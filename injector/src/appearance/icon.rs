//! Icons: an `.ico` file as it is, or a `.png` in the sizes that Windows shows.
//!
//! The image of 256 pixels is stored as PNG, smaller ones as bitmaps with 32 bits to a pixel, which
//! is what every Windows reads. Sizes are made by averaging the source pixels that a pixel covers,
//! weighted by their opacity, so that the colour of transparent pixels does not bleed in.

use std::io::Cursor;

use crate::image::pe::resources::Resource;

/// From the large thumbnail to the title bar.
const SIZES: [u32; 7] = [256, 128, 64, 48, 32, 24, 16];
/// Beyond this it is a photograph.
const LARGEST: u32 = 4096;
/// The size that is kept as PNG.
const AS_PNG: u32 = 256;

/// The resources of an icon file, whichever kind it is.
pub(super) fn resources(file: &[u8]) -> Result<Vec<Resource>, String> {
    let ico = if file.starts_with(b"\x89PNG\r\n\x1a\n") {
        &from_png(file)?
    } else {
        file
    };
    Resource::icon(ico).map_err(|error| error.to_string())
}

/// An `.ico` file from a square PNG.
fn from_png(file: &[u8]) -> Result<Vec<u8>, String> {
    let source = Picture::read(file)?;
    let mut images = Vec::new();
    for size in SIZES {
        // Nothing is gained by making it larger than it was.
        if size <= source.size || (size == SIZES[SIZES.len() - 1] && images.is_empty()) {
            let picture = source.scaled(size);
            let image = if size == AS_PNG {
                picture.to_png()?
            } else {
                picture.to_bitmap()
            };
            images.push((size, image));
        }
    }
    let mut out = [0u16, 1, images.len() as u16]
        .map(u16::to_le_bytes)
        .concat();
    let mut offset = out.len() + 16 * images.len();
    for (size, image) in &images {
        let size = *size as u8; // 256 is written as 0
        out.extend_from_slice(&[size, size, 0, 0, 1, 0, 32, 0]);
        // Seven images of at most 256 KiB.
        out.extend_from_slice(
            &[image.len() as u32, offset as u32]
                .map(u32::to_le_bytes)
                .concat(),
        );
        offset += image.len();
    }
    out.extend(images.into_iter().flat_map(|(_, image)| image));
    Ok(out)
}

/// A square picture: red, green, blue, opacity.
struct Picture {
    size: u32,
    pixels: Vec<[u8; 4]>,
}

impl Picture {
    fn read(file: &[u8]) -> Result<Picture, String> {
        let mut decoder = png::Decoder::new(Cursor::new(file));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let failed = |error: png::DecodingError| error.to_string();
        let (width, height) = decoder.read_header_info().map_err(failed)?.size();
        if width != height {
            return Err(format!("it is not square but {width} by {height} pixels"));
        }
        if width > LARGEST {
            return Err(format!("it has more than {LARGEST} pixels to a side"));
        }
        let mut reader = decoder.read_info().map_err(failed)?;
        let size = reader.output_buffer_size();
        let mut bytes = vec![0; size.ok_or("it is too large")?];
        let frame = reader.next_frame(&mut bytes).map_err(failed)?;
        let bytes = &bytes[..frame.buffer_size()];
        let pixels = match frame.color_type {
            png::ColorType::Rgba => bytes.as_chunks::<4>().0.to_vec(),
            png::ColorType::Rgb => {
                let pixels = bytes.as_chunks::<3>().0.iter();
                pixels.map(|[r, g, b]| [*r, *g, *b, 255]).collect()
            }
            png::ColorType::GrayscaleAlpha => {
                let pixels = bytes.as_chunks::<2>().0.iter();
                pixels.map(|[grey, a]| [*grey, *grey, *grey, *a]).collect()
            }
            png::ColorType::Grayscale => bytes.iter().map(|g| [*g, *g, *g, 255]).collect(),
            png::ColorType::Indexed => return Err("its palette is missing".to_owned()),
        };
        Ok(Picture {
            size: width,
            pixels,
        })
    }

    /// The picture at another size.
    fn scaled(&self, size: u32) -> Picture {
        if size == self.size {
            let pixels = self.pixels.clone();
            return Picture { size, pixels };
        }
        let mut pixels = Vec::with_capacity((size * size) as usize);
        for y in 0..size {
            for x in 0..size {
                pixels.push(self.average(self.span(x, size), self.span(y, size)));
            }
        }
        Picture { size, pixels }
    }

    /// Source pixels that pixel `at` of `size` covers, and how much of each, in units of `1 /
    /// size`.
    fn span(&self, at: u32, size: u32) -> impl Iterator<Item = (u32, u64)> + Clone + use<> {
        let (start, end) = (at * self.size, (at + 1) * self.size);
        (start / size..end.div_ceil(size)).map(move |pixel| {
            let (from, to) = (pixel * size, (pixel + 1) * size);
            (pixel, u64::from(to.min(end) - from.max(start)))
        })
    }

    fn average(
        &self,
        columns: impl Iterator<Item = (u32, u64)> + Clone,
        rows: impl Iterator<Item = (u32, u64)>,
    ) -> [u8; 4] {
        let (mut colour, mut opacity, mut area) = ([0u64; 3], 0u64, 0u64);
        for (row, height) in rows {
            for (column, width) in columns.clone() {
                let weight = width * height;
                let [r, g, b, a] = self.pixels[(row * self.size + column) as usize].map(u64::from);
                for (sum, value) in colour.iter_mut().zip([r, g, b]) {
                    *sum += value * a * weight;
                }
                opacity += a * weight;
                area += weight;
            }
        }
        let [r, g, b] = colour.map(|sum| match opacity {
            0 => 0,
            _ => ((sum + opacity / 2) / opacity) as u8, // an average of bytes
        });
        [r, g, b, ((opacity + area / 2) / area) as u8]
    }

    fn to_png(&self) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, self.size, self.size);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        let written = encoder
            .write_header()
            .and_then(|mut writer| writer.write_image_data(self.pixels.as_flattened()));
        written.map_err(|error| error.to_string())?;
        Ok(out)
    }

    /// A bitmap as icons hold it: its height counts twice, for the mask behind the colours; rows
    /// from the bottom up.
    fn to_bitmap(&self) -> Vec<u8> {
        let size = self.size;
        let mask_row = size.div_ceil(32) * 4;
        let mut out = [40, size, 2 * size, 1 | 32 << 16, 0]
            .map(u32::to_le_bytes)
            .concat();
        out.extend_from_slice(&(4 * size * size + mask_row * size).to_le_bytes());
        out.extend_from_slice(&[0; 16]);
        let rows = || self.pixels.chunks(size as usize).rev();
        for row in rows() {
            out.extend(row.iter().flat_map(|[r, g, b, a]| [*b, *g, *r, *a]));
        }
        for row in rows() {
            let start = out.len();
            out.resize(start + mask_row as usize, 0);
            for (x, [_, _, _, a]) in row.iter().enumerate() {
                out[start + x / 8] |= u8::from(*a == 0) << (7 - x % 8);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 4]) -> Vec<u8> {
        let pixels: Vec<u8> = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .flat_map(|(x, y)| pixel(x, y))
            .collect();
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, width, height);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&pixels).unwrap();
        writer.finish().unwrap();
        out
    }

    #[test]
    fn every_size_up_to_the_source() {
        let count = |size| {
            let ico = from_png(&png(size, size, |_, _| [1, 2, 3, 255])).unwrap();
            // One resource for each image and one for the group.
            Resource::icon(&ico).unwrap().len() - 1
        };
        assert_eq!(
            [8, 16, 47, 48, 255, 256, 512].map(count),
            [1, 1, 3, 4, 6, 7, 7]
        );
    }

    #[test]
    fn pixels_are_averaged_and_transparent_ones_have_no_colour() {
        let file = png(32, 32, |x, _| {
            if x < 16 {
                [200, 0, 0, 255]
            } else {
                [0, 255, 0, 0]
            }
        });
        let small = Picture::read(&file).unwrap().scaled(1);
        assert_eq!(small.pixels, [[200, 0, 0, 128]]);
        let steps = Picture::read(&png(3, 3, |x, _| [(x * 60) as u8, 0, 0, 255])).unwrap();
        // One and a half source pixels each: 0 and half of 60; half of 60 and 120.
        let halves: Vec<u8> = steps
            .scaled(2)
            .pixels
            .iter()
            .map(|pixel| pixel[0])
            .collect();
        assert_eq!(halves, [20, 100, 20, 100]);
    }

    #[test]
    fn a_bitmap_is_upside_down_with_a_mask() {
        let file = png(16, 16, |x, y| {
            [1, 2, 3, if (x, y) == (0, 0) { 0 } else { 9 }]
        });
        let bitmap = Picture::read(&file).unwrap().to_bitmap();
        assert_eq!(bitmap.len(), 40 + 16 * 16 * 4 + 16 * 4);
        assert_eq!(bitmap[40..44], [3, 2, 1, 9]);
        // The last row of colours and of the mask is the picture's first.
        assert_eq!(bitmap[40 + 15 * 64..][..4], [3, 2, 1, 0]);
        assert_eq!(bitmap[bitmap.len() - 4..], [0x80, 0, 0, 0]);
    }

    #[test]
    fn what_is_no_icon_is_refused() {
        let broken = png(16, 16, |_, _| [0; 4]);
        for (file, word) in [
            (png(16, 8, |_, _| [0; 4]), "square"),
            (broken[..40].to_vec(), ""),
            (b"BM".to_vec(), ".ico"),
            (Vec::new(), ".ico"),
        ] {
            let problem = resources(&file).unwrap_err();
            assert!(problem.contains(word), "{problem}");
        }
    }
}
