// One triangle that covers the target, nearer than anything else.
void main() {
  gl_Position = vec4(4.0 * float(gl_VertexID & 1) - 1.0, 2.0 * float(gl_VertexID & 2) - 1.0, -1.0, 1.0);
}
