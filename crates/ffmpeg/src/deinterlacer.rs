//! Interlaced pictures to progressive ones.

use std::ffi::{CString, c_int};
use std::ptr::{self, NonNull};

use ffmpeg_sys_the_third as ffi;

use crate::error::{EAGAIN, Error, check};
use crate::frame::Frame;

/// What becomes of the two fields of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fields {
    /// One picture a frame: the frame rate stays.
    Joined,
    /// One picture a field: twice the frame rate, for rungs that can show it.
    Each,
}

/// Deinterlaces frames that are marked so (libavfilter's bwdif); others pass untouched. Holds one frame back.
#[derive(Debug)]
pub struct Deinterlacer {
    fields: Fields,
    graph: Option<Graph>,
}

impl Deinterlacer {
    /// Opens nothing yet: the first frame tells the size.
    pub const fn new(fields: Fields) -> Self {
        Self { fields, graph: None }
    }

    /// Feeds one frame whose `pts` is set; the frames that came out are appended to `out`, their times in the same
    /// time base (rounded down for second fields). A frame of another size or format starts afresh.
    pub fn push(&mut self, frame: Frame, out: &mut Vec<Frame>) -> Result<(), Error> {
        let shape = (frame.raw().width, frame.raw().height, frame.raw().format);
        if self.graph.as_ref().is_some_and(|graph| graph.shape != shape) {
            self.finish(out)?;
        }
        let graph = match self.graph.take() {
            Some(graph) => self.graph.insert(graph),
            None => self.graph.insert(Graph::open(&frame, shape, self.fields)?),
        };
        graph.send(Some(frame))?;
        graph.receive(out)
    }

    /// Gives the frames held back; the next frame starts afresh.
    pub fn finish(&mut self, out: &mut Vec<Frame>) -> Result<(), Error> {
        match self.graph.take() {
            None => Ok(()),
            Some(mut graph) => {
                graph.send(None)?;
                graph.receive(out)
            }
        }
    }
}

/// `buffer → bwdif → buffersink`.
#[derive(Debug)]
struct Graph {
    raw: NonNull<ffi::AVFilterGraph>,
    /// Owned by the graph.
    source: *mut ffi::AVFilterContext,
    /// Owned by the graph.
    sink: *mut ffi::AVFilterContext,
    shape: (c_int, c_int, c_int),
    /// Input ticks per output tick: the filter counts half ticks.
    divisor: i64,
}

// SAFETY: graph and filters are owned by this value alone; libavfilter's state has no thread-bound part.
unsafe impl Send for Graph {}

impl Graph {
    fn open(frame: &Frame, shape: (c_int, c_int, c_int), fields: Fields) -> Result<Self, Error> {
        // SAFETY: no precondition; null means no memory.
        let raw = NonNull::new(unsafe { ffi::avfilter_graph_alloc() })
            .ok_or(Error::memory("avfilter_graph_alloc"))?;
        let mut graph = Self { raw, source: ptr::null_mut(), sink: ptr::null_mut(), shape, divisor: 1 };
        // SAFETY: the graph is ours and not configured yet. One thread: rungs already share the cores.
        unsafe { graph.raw.as_mut().nb_threads = 1 };
        let aspect = frame.sample_aspect();
        let (width, height, format) = shape;
        let arguments = format!(
            "video_size={width}x{height}:pix_fmt={format}:time_base=1/1000000:pixel_aspect={}/{}",
            aspect.num(),
            aspect.den()
        );
        let mode = match fields {
            Fields::Joined => "mode=send_frame:deint=interlaced",
            Fields::Each => "mode=send_field:deint=interlaced",
        };
        graph.source = graph.filter(c"buffer", c"in", &arguments)?;
        let deinterlace = graph.filter(c"bwdif", c"deinterlace", mode)?;
        graph.sink = graph.filter(c"buffersink", c"out", "")?;
        // SAFETY: all three filters belong to this graph and have the pads that are linked.
        unsafe {
            check("avfilter_link", ffi::avfilter_link(graph.source, 0, deinterlace, 0))?;
            check("avfilter_link", ffi::avfilter_link(deinterlace, 0, graph.sink, 0))?;
            let code = ffi::avfilter_graph_config(graph.raw.as_ptr(), ptr::null_mut());
            check("avfilter_graph_config", code)?;
            let base = ffi::av_buffersink_get_time_base(graph.sink);
            graph.divisor = (i64::from(base.den) / (i64::from(base.num).max(1) * 1_000_000)).max(1);
        }
        Ok(graph)
    }

    fn filter(
        &mut self,
        filter: &std::ffi::CStr,
        name: &std::ffi::CStr,
        arguments: &str,
    ) -> Result<*mut ffi::AVFilterContext, Error> {
        let arguments =
            CString::new(arguments).map_err(|_| Error::invalid("avfilter_graph_create_filter"))?;
        let mut context = ptr::null_mut();
        // SAFETY: all strings end with NUL; an unknown filter is refused before it is used; the graph owns what is
        // made.
        let code = unsafe {
            let definition = ffi::avfilter_get_by_name(filter.as_ptr());
            if definition.is_null() {
                return Err(Error::new("avfilter_get_by_name", ffi::AVERROR_FILTER_NOT_FOUND));
            }
            ffi::avfilter_graph_create_filter(
                &mut context,
                definition,
                name.as_ptr(),
                arguments.as_ptr(),
                ptr::null_mut(),
                self.raw.as_ptr(),
            )
        };
        check("avfilter_graph_create_filter", code)?;
        Ok(context)
    }

    fn send(&mut self, frame: Option<Frame>) -> Result<(), Error> {
        // SAFETY: the source belongs to the configured graph; the frame's reference is moved into it (null ends the
        // stream), and dropping the emptied frame afterwards is fine.
        let code = unsafe {
            match frame {
                Some(mut frame) => ffi::av_buffersrc_add_frame_flags(self.source, frame.as_mut_ptr(), 0),
                None => ffi::av_buffersrc_add_frame_flags(self.source, ptr::null_mut(), 0),
            }
        };
        check("av_buffersrc_add_frame_flags", code).map(drop)
    }

    fn receive(&mut self, out: &mut Vec<Frame>) -> Result<(), Error> {
        loop {
            let mut frame = Frame::empty()?;
            // SAFETY: the sink belongs to the configured graph; the frame is empty and ours.
            let code = unsafe { ffi::av_buffersink_get_frame(self.sink, frame.as_mut_ptr()) };
            if code == ffi::AVERROR(EAGAIN) || code == ffi::AVERROR_EOF {
                return Ok(());
            }
            check("av_buffersink_get_frame", code)?;
            // The decoder's estimate is that of the frame the fields came from: the filter's own time counts.
            let time = frame.raw().pts;
            frame.set_pts(time.div_euclid(self.divisor));
            out.push(frame);
        }
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        let mut raw = self.raw.as_ptr();
        // SAFETY: the graph is ours, owns its filters, and is not used again.
        unsafe { ffi::avfilter_graph_free(&mut raw) };
    }
}
