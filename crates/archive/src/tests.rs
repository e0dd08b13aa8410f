//! Stories of files on their way, to a folder and to a server that speaks S3.

mod bucket;
mod crash;
mod folder;
mod harness;
mod s3;
